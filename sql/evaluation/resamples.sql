-- Return PR AUC and lift, and their variances over bootstrap replicates of the visitors. A row is about one model
-- (`other` is empty) or about a pair: the PR AUC of `candidate` minus the PR AUC of `other`. If with_margin is true,
-- the PR AUC of `other` is first made worse by @margin. In a replicate, each visitor has a weight from a Poisson
-- distribution with mean 1. A hash determines the weight, so each query gives the same result. In replicate 0, all
-- weights are 1.
-- @run_id      STRING   id of the run
-- @created_on  DATE     day on which the run was opened
-- @split       STRING   split whose visitors count: evaluation or test
-- @margin      FLOAT64  share by which a model's metric may be worse than another's (gate.margin)
-- @replicates  INT64    number of bootstrap replicates
with
scored as (
    select
        candidate,
        visitor_id,
        label,
        sum(label) over (partition by candidate) as buyers,
        -- `..._up_to` counts the rows with at most this row's probability, `..._from` those with at least this
        -- probability.
        sum(label) over (partition by candidate order by probability) as buyers_up_to,
        sum(label) over (partition by candidate order by probability desc) as buyers_from
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = @split
),

-- Each hash gives eight random numbers of four hexadecimal digits.
hashed as (
    select
        visitor_id,
        eight,
        to_hex(md5(concat(visitor_id, ' ', cast(eight as string)))) as digits
    from (select distinct visitor_id from scored) as visitors
    cross join unnest(generate_array(0, div(@replicates, 8))) as eight
),

drawn as (
    select
        visitor_id,
        8 * eight + one as replicate,
        substr(digits, 4 * one + 1, 4) as draw
    from hashed
    cross join unnest(generate_array(0, 7)) as one
    where 8 * eight + one <= @replicates
),

-- The limits are the distribution function of Poisson(1) times 65,536, as hexadecimal digits. The digits can be
-- compared as texts, because texts of equal length are sorted like their numbers.
weights as (
    select
        visitor_id,
        replicate,
        case
            when replicate = 0 then 1
            when draw < 'bc5b' then 1
            when draw < 'eb71' then 2
            when draw < 'fb24' then 3
            when draw < 'ff10' then 4
            when draw < 'ffd9' then 5
            when draw < 'fffb' then 6
            when draw < 'ffff' then 7
            else 8
        end as weight
    from drawn
    where draw >= '5e2d' or replicate = 0
),

-- Only the probabilities of buyers are thresholds. Each visitor counts in the group of the highest threshold that is
-- not above the visitor's probability. So there are few groups, however many visitors there are.
blocks as (
    select
        scored.candidate,
        weights.replicate,
        scored.buyers_up_to as threshold,
        sum(weights.weight * scored.label) as hits,
        sum(if(scored.buyers_up_to + scored.buyers_from > scored.buyers, weights.weight, 0)) as tied,
        sum(weights.weight) as chosen
    from scored
    inner join weights
        on scored.visitor_id = weights.visitor_id
    group by scored.candidate, weights.replicate, scored.buyers_up_to
),

curves as (
    select
        candidate,
        replicate,
        hits,
        tied,
        sum(hits) over (partition by candidate, replicate order by threshold desc) as found,
        sum(chosen) over (partition by candidate, replicate order by threshold desc) as chosen,
        sum(hits) over (partition by candidate, replicate) as buyers,
        sum(chosen) over (partition by candidate, replicate) as visitors
    from blocks
),

-- If a limit such as 5 % of the visitors falls inside a group with equal probabilities, only a share of the group
-- counts.
shares as (
    select
        candidate,
        replicate,
        safe_divide(hits, buyers) as recall,
        found / chosen as precision_so_far,
        least(greatest(0.05 * visitors - chosen + tied, 0) / greatest(tied, 1), 1) as within_5_percent,
        least(greatest(0.10 * visitors - chosen + tied, 0) / greatest(tied, 1), 1) as within_10_percent,
        least(greatest(0.20 * visitors - chosen + tied, 0) / greatest(tied, 1), 1) as within_20_percent
    from curves
),

measured as (
    select
        candidate,
        replicate,
        sum(recall * precision_so_far) as pr_auc,
        sum(recall * within_5_percent) / 0.05 as lift_at_5_percent,
        sum(recall * within_10_percent) / 0.10 as lift_at_10_percent,
        sum(recall * within_20_percent) / 0.20 as lift_at_20_percent
    from shares
    group by candidate, replicate
),

replicates as (
    select
        replicate,
        array_agg(
            struct(candidate, pr_auc, lift_at_5_percent, lift_at_10_percent, lift_at_20_percent)
        ) as models
    from measured
    group by replicate
),

pairs as (
    select
        one.candidate,
        other.candidate as other,
        with_margin,
        replicates.replicate = 0 as is_estimate,
        one.pr_auc - (1 - if(with_margin, @margin, 0)) * other.pr_auc as pr_auc,
        one.lift_at_5_percent,
        one.lift_at_10_percent,
        one.lift_at_20_percent
    from replicates
    cross join unnest(replicates.models) as one
    cross join
        unnest(
            array_concat(
                [struct('' as candidate, 0.0 as pr_auc)],
                array(select as struct
                    candidate,
                    pr_auc
                from unnest(replicates.models))
            )
        ) as other
    cross join unnest([false, true]) as with_margin
    where one.candidate != other.candidate and (other.candidate != '' or not with_margin)
)

select
    candidate,
    other,
    with_margin,
    max(if(is_estimate, pr_auc, null)) as pr_auc,
    max(if(is_estimate, lift_at_5_percent, null)) as lift_at_5_percent,
    max(if(is_estimate, lift_at_10_percent, null)) as lift_at_10_percent,
    max(if(is_estimate, lift_at_20_percent, null)) as lift_at_20_percent,
    var_samp(if(is_estimate, null, pr_auc)) as pr_auc_variance,
    var_samp(if(is_estimate, null, lift_at_5_percent)) as lift_at_5_percent_variance,
    var_samp(if(is_estimate, null, lift_at_10_percent)) as lift_at_10_percent_variance,
    var_samp(if(is_estimate, null, lift_at_20_percent)) as lift_at_20_percent_variance
from pairs
group by candidate, other, with_margin
order by candidate, other, with_margin
