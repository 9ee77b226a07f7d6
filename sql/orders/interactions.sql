-- Remove what was bought in sessions that have no order, from the day given on: a report that came late has moved their
-- order to an earlier session.
-- @first_day  DATE  first day that has changed
delete from interactions
where
    day >= @first_day
    and action = 'bought'
    and not exists (
        select 1
        from orders
        where orders.session_id = interactions.session_id and orders.day >= date_sub(@first_day, interval 1 day)
    )
