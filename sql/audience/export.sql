-- Export the audience of @day as CSV, for systems that read files. Products are separated by |.
-- @day  DATE  day of the scores
export data options (
    uri = '${uri}',
    format = 'CSV',
    header = true,
    overwrite = true
) as
select
    visitor_id,
    probability,
    decile,
    offer,
    model_version,
    array_to_string(next_products, '|') as next_products,
    expected_value
from audience
where day = @day
order by decile, visitor_id
