-- Set is_wanted in the member ledger for each customer in the run's plan: true to add or update, otherwise false.
-- @created_on  DATE       day on which the run was opened
-- @run_id      STRING     id of the delivery run
-- @now         TIMESTAMP  time of the plan
merge into destination_members as target
using (
    select
        destination,
        customer_id,
        kind in ('add', 'update') as is_wanted,
        run_id
    from destination_changes
    where created_on = @created_on and run_id = @run_id and kind != 'outdated'
) as plan
    on target.destination = plan.destination and target.customer_id = plan.customer_id
when matched then
    update set is_wanted = plan.is_wanted
when not matched then
    insert (destination, customer_id, is_wanted, is_there, state, run_id, changed_at)
    values (plan.destination, plan.customer_id, plan.is_wanted, false, 'wanted', plan.run_id, @now)
