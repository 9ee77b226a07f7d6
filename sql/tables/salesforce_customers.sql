-- Return the customers' data that are sent to a data extension of Salesforce Marketing Cloud. All other columns are
-- NULL, so that a customer is not sent again when only such a column has changed.
select
    customer_id,
    email,
    cast(null as string) as phone,
    cast(null as string) as first_name,
    cast(null as string) as last_name,
    cast(null as string) as country,
    cast(null as string) as postal_code
from `${dataset}.customers`
