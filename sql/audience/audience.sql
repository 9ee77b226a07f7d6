-- Replace the audience of @day by the visitors most likely to buy.
-- @day         DATE   day of the scores
-- @max_decile  INT64  last decile of the audience, 1 to 10 (audience.max_decile)
merge into audience as target
using (
    select
        day,
        visitor_id,
        probability,
        decile,
        offer,
        model_version,
        run_id
    from scores
    where day = @day and decile <= @max_decile
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
