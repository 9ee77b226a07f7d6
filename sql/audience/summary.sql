-- Count the scored visitors of @day, the members of the audience, and their offers.
-- @day         DATE   day of the scores
-- @max_decile  INT64  last decile of the audience, 1 to 10 (audience.max_decile)
select
    count(*) as scored,
    max(model_version) as model_version,
    countif(decile <= @max_decile) as members,
    countif(decile <= @max_decile and offer = 'coupon') as coupons,
    countif(decile <= @max_decile and offer = 'full_price') as full_price
from scores
where day = @day
