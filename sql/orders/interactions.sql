-- From @first_day on, delete the purchases of sessions that have lost their order, because a late report has assigned
-- the order to an earlier session.
-- @first_day  DATE  first day whose data have changed
delete from interactions
where
    day >= @first_day
    and action = 'bought'
    and not exists (
        select 1
        from orders
        where orders.session_id = interactions.session_id and orders.day >= date_sub(@first_day, interval 1 day)
    )
