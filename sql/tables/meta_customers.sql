-- Return the customers as Meta's rules require: normalised, and hashed with SHA-256.
-- https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
--
-- An e-mail address is lower case, and keeps its dots. A phone number has its country code, and digits only. Names are
-- lower case without punctuation. A postal code is lower case without spaces and hyphens; in the United States, it has
-- five digits.
select
    customer_id,
    to_hex(sha256(lower(trim(email)))) as email,
    to_hex(sha256(regexp_replace(phone, r'[^0-9]', ''))) as phone,
    to_hex(sha256(nullif(lower(regexp_replace(first_name, r'[\pP\s]', '')), ''))) as first_name,
    to_hex(sha256(nullif(lower(regexp_replace(last_name, r'[\pP\s]', '')), ''))) as last_name,
    to_hex(sha256(lower(country))) as country,
    to_hex(
        sha256(
            if(
                upper(country) = 'US',
                substr(regexp_replace(postal_code, r'[\s-]', ''), 1, 5),
                lower(regexp_replace(postal_code, r'[\s-]', ''))
            )
        )
    ) as postal_code
from `${dataset}.customers`
