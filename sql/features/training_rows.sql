-- Store the rows for the training and the evaluation of this run: the visitors whose label is known. By the day of the
-- first visit, they are split into train, evaluation (choice of the winner) and test (gate).
-- @run_id            STRING   id of the run
-- @created_on        DATE     day on which the run was opened
-- @as_of             DATE     last day of the export that the run reads
-- @from_day          DATE     first day of the training window, which is training.window_days long
-- @train_share       FLOAT64  share of the visitors for the training, 0 to 1 (training.train_share)
-- @evaluation_share  FLOAT64  share of the visitors for the evaluation, 0 to 1 (training.evaluation_share)
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
            (sum(count(*)) over (order by first_day) - count(*)) / sum(count(*)) over () as share_before
        from eligible
        group by first_day
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        case
            when days.share_before < @train_share then 'train'
            when days.share_before < @train_share + @evaluation_share then 'evaluation'
            else 'test'
        end as split,
        eligible.*
    from eligible
    inner join days
        on eligible.first_day = days.first_day
) as fresh
    on false
when not matched by source and target.run_id = @run_id and target.created_on = @created_on then delete
when not matched then insert row
