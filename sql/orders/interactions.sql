-- From @first_day on, delete purchases of sessions without an order. A late report has assigned their order to an
-- earlier session.
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
