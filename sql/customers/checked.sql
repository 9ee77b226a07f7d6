-- Add the customers whose rows of crm_customers were checked and accepted.
-- @digests       ARRAY<STRING>  digest of each row
-- @ids           ARRAY<STRING>  the shop's id of each customer
-- @emails        ARRAY<STRING>  e-mail address; empty if there is none
-- @phones        ARRAY<STRING>  phone number in E.164; empty if there is none
-- @first_names   ARRAY<STRING>  first name; empty if it is not known
-- @last_names    ARRAY<STRING>  last name; empty if it is not known
-- @countries     ARRAY<STRING>  country; empty if it is not known
-- @postal_codes  ARRAY<STRING>  postal code; empty if it is not known
-- @languages     ARRAY<STRING>  language; empty if it is not known
merge into customers as target
using (
    select
        @ids[offset(position)] as customer_id,
        nullif(@emails[offset(position)], '') as email,
        nullif(@phones[offset(position)], '') as phone,
        nullif(@first_names[offset(position)], '') as first_name,
        nullif(@last_names[offset(position)], '') as last_name,
        nullif(@countries[offset(position)], '') as country,
        nullif(@postal_codes[offset(position)], '') as postal_code,
        nullif(@languages[offset(position)], '') as language,
        digest
    from
        unnest(@digests) as digest
        with offset as position
) as fresh
    on target.digest = fresh.digest
when not matched then insert row
