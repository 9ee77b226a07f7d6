-- How many of the day's scored visitors are in the audience, and which offers they get.
-- @day         DATE   day of the scores
-- @max_decile  INT64  last decile that is published, 1 to 10 (audience.max_decile)
select
    count(*) as scored,
    max(model_version) as model_version,
    countif(decile <= @max_decile) as members,
    countif(decile <= @max_decile and offer = 'coupon') as coupons,
    countif(decile <= @max_decile and offer = 'full_price') as full_price
from scores
where day = @day
