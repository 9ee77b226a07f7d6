-- Return the customers as Google's rules require: normalised, and hashed with SHA-256, except country and postal code.
-- https://developers.google.com/data-manager/api/devguides/concepts/formatting
-- An e-mail address is lower case, without spaces. In addresses of gmail.com and googlemail.com, dots before the @ are
-- removed. A plus sign and the text between it and the @ are removed too. A phone number is E.164. Names are lower
-- case, without punctuation.
with
parts as (
    select
        customer_id,
        phone,
        country,
        postal_code,
        lower(regexp_replace(first_name, r'[\pP\s]', '')) as first_name,
        lower(regexp_replace(last_name, r'[\pP\s]', '')) as last_name,
        regexp_extract(lower(regexp_replace(email, r'\s', '')), r'^([^@]+)@') as mailbox,
        regexp_extract(lower(regexp_replace(email, r'\s', '')), r'@(.+)') as host
    from `${dataset}.customers`
)

select
    customer_id,
    to_hex(
        sha256(
            concat(
                if(
                    host in ('gmail.com', 'googlemail.com'),
                    replace(regexp_replace(mailbox, r'\+.*', ''), '.', ''),
                    mailbox
                ),
                '@',
                host
            )
        )
    ) as email,
    to_hex(sha256(phone)) as phone,
    to_hex(sha256(nullif(first_name, ''))) as first_name,
    to_hex(sha256(nullif(last_name, ''))) as last_name,
    upper(country) as country,
    postal_code
from parts
