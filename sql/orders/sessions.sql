-- From @first_day on, update the number of orders and the revenue of each session. A late report can move an order to
-- an earlier session. Only sessions whose numbers differ are written.
-- @first_day  DATE  first day whose data have changed
merge into sessions as target
using (
    with
    sold as (
        select
            session_id,
            count(*) as transactions,
            -- The sum is rounded, since its last digits depend on the order of the rows.
            round(sum(revenue), 6) as revenue
        from orders
        where session_id is not null and day >= date_sub(@first_day, interval 1 day)
        group by session_id
    )

    select
        sessions.session_id,
        sessions.day,
        coalesce(sold.transactions, 0) as transactions,
        coalesce(sold.revenue, 0) as revenue
    from sessions
    left join sold
        on sessions.session_id = sold.session_id
    where
        sessions.day >= @first_day
        and (
            coalesce(sessions.transactions, -1) != coalesce(sold.transactions, 0)
            or coalesce(sessions.revenue, -1) != coalesce(sold.revenue, 0)
        )
) as fresh
    on target.day >= @first_day and target.day = fresh.day and target.session_id = fresh.session_id
when matched then update set transactions = fresh.transactions, revenue = fresh.revenue
