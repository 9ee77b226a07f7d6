-- Add the values of crm_customers that break a rule.
-- @digests   ARRAY<STRING>  digest of each value's row
-- @ids       ARRAY<STRING>  the shop's id of the customer; empty if it is missing
-- @fields    ARRAY<STRING>  column of crm_customers
-- @rules     ARRAY<STRING>  the rule that the value breaks, and the remedy
-- @refusals  ARRAY<BOOL>    true if the whole customer is refused; false if only the value is
merge into refused_customers as target
using (
    select
        nullif(@ids[offset(position)], '') as customer_id,
        @fields[offset(position)] as field,
        @rules[offset(position)] as rule,
        @refusals[offset(position)] as is_refused,
        digest
    from
        unnest(@digests) as digest
        with offset as position
) as fresh
    on target.digest = fresh.digest and target.field = fresh.field
when not matched then insert row
