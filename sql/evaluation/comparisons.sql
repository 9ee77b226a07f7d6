-- Return sums for the confidence intervals of ROC AUC, log loss and Brier score. A row is about one model (`other` is
-- empty) or about a pair: `candidate` minus `other` on the same visitors. If with_margin is true, the metrics of
-- `other` are first made worse by @margin.
-- @run_id      STRING   id of the run
-- @created_on  DATE     day on which the run was opened
-- @split       STRING   split whose visitors count: evaluation or test
-- @margin      FLOAT64  share by which a model's metric may be worse than another's (gate.margin)
with
scored as (
    select
        candidate,
        visitor_id,
        label,
        probability,
        least(greatest(probability, 1e-15), 1 - 1e-15) as clipped,
        sum(label) over (partition by candidate) as buyers,
        sum(1 - label) over (partition by candidate) as others,
        -- `..._up_to` counts the rows with at most this row's probability, `..._from` those with at least this
        -- probability.
        sum(label) over (partition by candidate order by probability) as buyers_up_to,
        sum(label) over (partition by candidate order by probability desc) as buyers_from,
        sum(1 - label) over (partition by candidate order by probability) as others_up_to,
        sum(1 - label) over (partition by candidate order by probability desc) as others_from
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = @split
),

-- The placement of a row is the share of the rows of the other class that are ranked correctly relative to the row.
-- Ties count one half.
losses as (
    select
        candidate,
        visitor_id,
        count(*) as row_count,
        sum(label) as buyers,
        sum(1 - label) as others,
        sum(if(label = 1, safe_divide(others + others_up_to - others_from, 2 * others), 0)) as placed_buyers,
        sum(if(label = 0, safe_divide(buyers + buyers_from - buyers_up_to, 2 * buyers), 0)) as placed_others,
        sum(-if(label = 1, ln(clipped), ln(1 - clipped))) as log_loss,
        sum(pow(probability - label, 2)) as brier
    from scored
    group by candidate, visitor_id
),

visitors as (
    select
        visitor_id,
        any_value(row_count) as row_count,
        any_value(buyers) as buyers,
        any_value(others) as others,
        array_agg(struct(candidate, placed_buyers, placed_others, log_loss, brier)) as models
    from losses
    group by visitor_id
),

pairs as (
    select
        one.candidate,
        other.candidate as other,
        with_margin,
        visitors.row_count,
        visitors.buyers,
        visitors.others,
        one.placed_buyers - (1 - if(with_margin, @margin, 0)) * other.placed_buyers as placed_buyers,
        one.placed_others - (1 - if(with_margin, @margin, 0)) * other.placed_others as placed_others,
        one.log_loss - (1 + if(with_margin, @margin, 0)) * other.log_loss as log_loss,
        one.brier - (1 + if(with_margin, @margin, 0)) * other.brier as brier
    from visitors
    cross join unnest(visitors.models) as one
    cross join
        unnest(
            array_concat(
                [
                    struct(
                        '' as candidate, 0.0 as placed_buyers, 0.0 as placed_others, 0.0 as log_loss, 0.0 as brier
                    )
                ],
                visitors.models
            )
        ) as other
    cross join unnest([false, true]) as with_margin
    where one.candidate != other.candidate and (other.candidate != '' or not with_margin)
),

totals as (
    select
        *,
        sum(row_count) over (partition by candidate, other, with_margin) as all_rows,
        sum(buyers) over (partition by candidate, other, with_margin) as all_buyers,
        sum(others) over (partition by candidate, other, with_margin) as all_others,
        sum(placed_buyers) over (partition by candidate, other, with_margin) as all_placed,
        sum(log_loss) over (partition by candidate, other, with_margin) as all_log_loss,
        sum(brier) over (partition by candidate, other, with_margin) as all_brier
    from pairs
),

-- Each column `..._moved` is the visitor's sum minus the expectation of this sum: the number of the visitor's rows
-- times the mean over all rows. The variances are computed from the squares of these columns.
centred as (
    select
        *,
        placed_buyers - safe_divide(buyers * all_placed, all_buyers) as buyers_moved,
        placed_others - safe_divide(others * all_placed, all_buyers) as others_moved,
        log_loss - row_count * all_log_loss / all_rows as log_loss_moved,
        brier - row_count * all_brier / all_rows as brier_moved
    from totals
)

select
    candidate,
    other,
    with_margin,
    count(*) as visitors,
    sum(row_count) as row_count,
    sum(buyers) as buyers,
    sum(others) as others,
    countif(buyers > 0) as visitors_with_buyers,
    countif(others > 0) as visitors_with_others,
    sum(placed_buyers) as placed,
    sum(pow(buyers_moved, 2)) as buyers_squares,
    sum(pow(others_moved, 2)) as others_squares,
    sum(buyers_moved * others_moved) as products,
    sum(pow(safe_divide(buyers_moved, all_buyers) + safe_divide(others_moved, all_others), 3)) as placed_cubes,
    sum(log_loss) as log_loss,
    sum(pow(log_loss_moved, 2)) as log_loss_squares,
    sum(pow(log_loss_moved, 3)) as log_loss_cubes,
    sum(brier) as brier,
    sum(pow(brier_moved, 2)) as brier_squares,
    sum(pow(brier_moved, 3)) as brier_cubes
from centred
group by candidate, other, with_margin
order by candidate, other, with_margin
