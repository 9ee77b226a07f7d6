-- Before each statement, the tables are reset to the rows in ../tables.
merge into orders as t using (select 1 as id, 'new' as name union all select 100, 'other') as s on t.order_id = s.id
when matched then update set customer = s.name
when not matched then insert (order_id, customer) values (s.id, s.name);

merge orders t using measures s on t.order_id = s.n
when matched then update set price = s.m, quantity = quantity + 1;

merge orders t using measures s on t.order_id = s.n when matched then delete;

merge orders t using measures s on t.order_id = s.n when matched and s.m > 1 then delete;

merge orders using measures on order_id = n when matched then update set price = m;

merge orders t using measures s on t.order_id = s.n
when matched and s.m is null then delete
when matched and t.quantity > 1 then update set customer = upper(t.customer), price = s.m
when matched then update set coupon = s.grp;

merge orders t using measures s on t.order_id = s.n
when not matched by target then insert (order_id, customer, price) values (n, grp, m);

merge orders t using measures s on t.order_id = s.n
when not matched by source then delete;

merge orders t using measures s on t.order_id = s.n
when not matched by source and t.quantity > 1 then update set quantity = 0, coupon = concat('old ', coupon)
when not matched by source then delete;

merge orders t using measures s on t.order_id = s.n and s.n < 3
when matched then update set coupon = 'seen'
when not matched and s.n is null then insert (order_id, customer) values (-1, s.grp)
when not matched and s.n > 6 then insert (order_id) values (s.n * 100)
when not matched by source and customer is null then delete
when not matched by source then update set is_paid = not is_paid;

merge orders t using (select * from orders where day >= '2024-01-31') s on false
when not matched by target then insert row
when not matched by source and t.day < '2024-01-07' then delete;

merge orders t using (select 100 as id, 'x' as name) s on false
when matched then delete
when not matched by source and t.order_id in (select n from measures) then delete
when not matched then insert (order_id, customer) values (id, name);

merge orders t using (select n from measures where n is not null) s on false
when not matched by source then delete
when not matched and n > 2 then insert (order_id, quantity) values (n, (select count(*) from orders));

merge orders t using (select 100 as id) s on false
when not matched by source and t.is_paid then update set coupon = 'paid'
when not matched by source then delete
when not matched then insert (order_id) values (s.id);

merge orders using unnest([101, 102]) as s on false
when not matched then insert (order_id) values (s);

merge orders t using (select * replace (quantity * 2 as quantity) from orders where quantity > 0) s on t.order_id = s.order_id
when matched then update set quantity = s.quantity
when not matched then insert row;

merge orders t using (select order_id, customer, day, ordered_at, price, 7 as quantity, discount, coupon, is_paid from orders) s
on t.order_id = s.order_id and t.quantity > 1
when not matched then insert row;

merge orders t using unnest([1, 2, 100]) as s on t.order_id = s
when matched then update set quantity = s * 10
when not matched then insert (order_id, quantity) values (s, s * 10);

merge orders t using unnest([struct(1 as id, 'x' as name), (100, 'y')]) as s on t.order_id = s.id
when matched then update set customer = s.name
when not matched then insert (order_id, customer) values (id, name);

merge orders t using unnest([struct(1 as id, 'x' as name), (100, 'y')]) on order_id = id
when not matched then insert (order_id, customer) values (id, name);

merge orders t using (select 1 as id union all select 1) s on t.order_id = s.id
when matched then update set quantity = 0;

merge orders t using (select 1 as id union all select 1) s on t.order_id = s.id
when matched then delete;

merge orders t using (select 1 as id, 1 as n union all select 1, 2) s on t.order_id = s.id
when matched and s.n = 2 then update set quantity = s.n;

merge orders t using (select 1 as id, 1 as n union all select 1, 2) s on t.order_id = s.id
when matched and s.n = 2 then update set quantity = s.n
when matched and s.n = 1 then delete;

merge orders t using (select 100 as id union all select 100) s on t.order_id = s.id
when not matched then insert (order_id) values (id);

merge orders t using (select 1 as id union all select 1) s on t.order_id = s.id
when not matched by source then delete;

merge orders t using (select customer, max(day) as day from orders group by customer) s on t.customer = s.customer
when matched and t.day = s.day then update set coupon = 'last'
when not matched then insert (order_id, day) values (0, s.day);

merge orders t using (select cast(null as int64) as id) s on t.order_id = s.id
when not matched then insert (order_id, customer) values (id, 'none');

merge orders t using (select 1 as id) s on t.order_id = s.id
when matched then update set quantity = default, customer = null;

merge orders t using (select 100 as id) s on t.order_id = s.id
when not matched then insert (order_id, customer) values (id, default);

merge orders t using (select 100 as id) s on t.order_id = s.id
when not matched then insert values (s.id, 'x', null, null, 1.5, 2, 0.5, null, true);

merge orders t using (select 100 as id, 'x' as name) s on t.order_id = s.id
when not matched then insert row;

merge orders t using (select 1 as id) s on t.order_id = s.id
when matched then update set quantity = (select max(n) from measures);

merge orders t using (select 1 as id) s on t.order_id = s.id
when matched and exists (select 1 from measures where n = s.id) then update set coupon = 'there';

merge measures t using (select 1 as n, [7, 8] as xs, struct(9 as p, 'nine' as q) as s) u on t.n = u.n
when matched then update set xs = u.xs, s = u.s;

merge measures t using (select 1 as n union all select 100) u on t.n = u.n
when matched then update set xs = array_concat(xs, [u.n]), s = struct(5 as x, 'five' as y)
when not matched then insert (n, xs, s) values (u.n, [u.n], (u.n, 'new'));

merge ga4_events t using (select user_pseudo_id, max(event_timestamp) as last from ga4_events group by 1) s
on t.user_pseudo_id = s.user_pseudo_id and t.event_timestamp = s.last
when matched then update set event_name = concat('last ', event_name)
when not matched by source and t.event_name = 'page_view' then delete;

merge ga4_events t using (select e.user_pseudo_id, p.value.int_value as session from ga4_events as e, unnest(event_params) as p where p.key = 'ga_session_id' group by 1, 2) s
on t.user_pseudo_id = s.user_pseudo_id and s.session = (select value.int_value from unnest(t.event_params) where key = 'ga_session_id')
when matched then update set user_id = cast(s.session as string)
when not matched by source then update set user_id = 'no session';

merge ga4_events t using (select 'new' as event_name, [struct('k' as key, struct('v' as string_value, 1 as int_value, 0.5 as float_value, 0.5 as double_value) as value)] as event_params) s
on t.event_name = s.event_name
when not matched then insert (event_name, event_params) values (s.event_name, s.event_params);

merge orders t using (with m as (select n, grp from measures where m > 1) select * from m) s on t.order_id = s.n
when matched then update set coupon = s.grp;

merge orders t using measures s on t.order_id = s.n when matched and t.discount = s.x then delete;

merge orders t using (select 5 as id) s on t.order_id = s.id when matched and t.discount < 1 then delete;

merge orders t using measures s on t.order_id = s.n when matched then update set nothing = 1;

merge orders t using measures s on t.order_id = s.n when matched then update set quantity = s.grp;

merge orders t using measures s on t.order_id = s.n when not matched then insert (order_id) values (t.order_id);

merge orders t using measures s on t.order_id = s.n when not matched then insert (order_id, customer) values (s.n);

merge orders t using measures s on t.order_id = s.n when not matched by source then update set quantity = s.n;

merge orders t using orders s on t.order_id = s.order_id + 1
when matched then update set customer = s.customer, quantity = s.quantity + t.quantity
when not matched by source then delete
when not matched by target then insert (order_id, customer) values (s.order_id + 1, s.customer);

merge orders t using (select upper(coupon) as coupon, sum(quantity) as quantity from orders group by coupon) s on upper(t.coupon) = s.coupon
when matched then update set quantity = s.quantity;

merge orders t using orders s on t.discount = s.discount
when matched then update set coupon = 'same discount'
when not matched by source then delete;

merge orders t using (select order_id as id, discount as d from orders) s on t.order_id = s.id
when matched and s.d < 1 then update set coupon = cast(s.d as string);

merge orders t using (select 1 as id, cast(0.1 as float64) + 0.2 as x, timestamp '2024-01-02 03:04:05' as t) s on t.order_id = s.id
when matched then update set customer = concat(cast(s.x as string), cast(s.t as string), cast(s.id / 2 as string));
