-- Store the rows for the training and the evaluation of this run: the visitors whose label is known. The visitors are
-- split by the day of the first visit: train, then evaluation (choice of the winner), then test (gate).
-- If there are more than @max_rows training visitors, the split train keeps all buyers, but only a sample of the
-- visitors who did not buy; the rest of them are in the split unused. A hash of the visitor's id draws the sample, so
-- every execution draws the same sample.
-- @run_id            STRING   id of the run
-- @created_on        DATE     day on which the run was opened
-- @as_of             DATE     last day of the export that the run reads
-- @from_day          DATE     first day of the training window, which is training.window_days long
-- @train_share       FLOAT64  share of the visitors for the training, 0 to 1 (training.train_share)
-- @evaluation_share  FLOAT64  share of the visitors for the evaluation, 0 to 1 (training.evaluation_share)
-- @max_rows          INT64    about how many training visitors to keep; 0 keeps all (training.max_rows)
merge into training_rows as target
using (
    with
    eligible as (
        select *
        from visitor_features
        where first_day between @from_day and @as_of and will_buy_on_return_visit is not null
    ),

    days as (
        select
            first_day,
            countif(will_buy_on_return_visit = 1) as buyers,
            countif(will_buy_on_return_visit = 0) as others,
            (sum(count(*)) over (order by first_day) - count(*)) / sum(count(*)) over () as share_before
        from eligible
        group by first_day
    ),

    splits as (
        select
            *,
            case
                when share_before < @train_share then 'train'
                when share_before < @train_share + @evaluation_share then 'evaluation'
                else 'test'
            end as split
        from days
    ),

    -- The number of kept visitors who did not buy is at least the number of buyers.
    samples as (
        select
            first_day,
            split,
            if(
                split = 'train' and @max_rows > 0,
                safe_divide(
                    greatest(
                        @max_rows - sum(buyers) over (partition by split), sum(buyers) over (partition by split)
                    ),
                    sum(others) over (partition by split)
                ),
                1
            ) as kept_share
        from splits
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        if(
            samples.kept_share < 1
            and eligible.will_buy_on_return_visit = 0
            and cast(
                concat('0x', substr(to_hex(md5(concat('training ', eligible.visitor_id))), 1, 13)) as int64
            ) / pow(2, 52) >= samples.kept_share,
            'unused',
            samples.split
        ) as split,
        eligible.*
    from eligible
    inner join samples
        on eligible.first_day = samples.first_day
) as fresh
    on false
when not matched by source and target.run_id = @run_id and target.created_on = @created_on then delete
when not matched then insert row
