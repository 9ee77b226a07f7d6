-- Return the pseudonyms of visitors with a served checkout from @first_day to @last_day; at most @most of them.
-- @first_day  DATE   first day of the checkouts
-- @last_day   DATE   last day of the checkouts
-- @most       INT64  maximum number of pseudonyms
select jsonpayload.prediction.visitor
from run_googleapis_com_stdout
where
    timestamp >= timestamp(@first_day)
    and timestamp < timestamp(date_add(@last_day, interval 2 day))
    and jsonpayload.prediction.visitor is not null
group by visitor
order by visitor
limit @most
