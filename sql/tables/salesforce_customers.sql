-- Return the customers with what a data extension of Salesforce Marketing Cloud is sent about them. A column that is
-- not sent is NULL, so that its change is no reason to send the customer again.
select
    customer_id,
    email,
    cast(null as string) as phone,
    cast(null as string) as first_name,
    cast(null as string) as last_name,
    cast(null as string) as country,
    cast(null as string) as postal_code
from `${dataset}.customers`
