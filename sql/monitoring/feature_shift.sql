-- Return one row per feature, and one for the model's score. A row says how much the distribution over first visits
-- differs between two periods, and has the chi-square statistics that test the difference. Both periods are whole
-- weeks, so weekdays are equally frequent; the feature weekday is left out. Each first visit counts once. Numbers are
-- divided into at most ten bins, which have equal sizes in the earlier period. NULL is in a bin of its own, before all
-- others. The score is not calibrated, since calibration moves no visitor to another bin. The score is stored as a
-- whole number of billionths, since UNPIVOT needs columns of one type.
-- @first_day  DATE         first day of both periods
-- @last_day   DATE         last day of both periods
-- @base_days  ARRAY<DATE>  days of the earlier period: two weeks or more
-- @days       ARRAY<DATE>  days of the later period
with
visitors as (
    select
        *,
        first_day in unnest(@base_days) as is_base,
        (
            select cast(round(1e9 * p.prob) as int64)
            from unnest(predicted_will_buy_on_return_visit_probs) as p
            where cast(p.label as string) = '1'
        ) as score
    from
        ml.predict(
            model `${model}`,
            (
                select *
                from visitor_features
                where
                    first_day between @first_day and @last_day
                    and first_day in unnest(array_concat(@base_days, @days))
            )
        )
),

numbers as (
    select
        first_day,
        is_base,
        feature,
        cast(value as float64) as value
    from visitors
    unpivot include nulls (
        value for feature in (
            bounces, time_on_site, pageviews, hits, furthest_step, products_viewed, products_added, hour, score
        )
    )
),

base_values as (
    select
        feature,
        value,
        div(
            10 * (sum(count(*)) over (partition by feature order by value) - count(*)),
            sum(count(*)) over (partition by feature)
        ) as bin
    from numbers
    where is_base and value is not null
    group by feature, value
),

bins as (
    select
        feature,
        bin,
        min(value) as lowest
    from base_values
    group by feature, bin
),

edges as (
    select
        feature,
        array_agg(lowest order by lowest) as lowest
    from bins
    group by feature
),

placed as (
    select
        numbers.first_day,
        numbers.is_base,
        numbers.feature,
        -- Values below the first edge belong to the first bin.
        if(numbers.value is null, 0, greatest(coalesce(range_bucket(numbers.value, edges.lowest), 1), 1)) as place
    from numbers
    left join edges
        on numbers.feature = edges.feature
),

daily as (
    select
        feature,
        place,
        cast(place as string) as cell,
        first_day,
        is_base,
        count(*) as visitors
    from placed
    group by feature, place, cell, first_day, is_base
    union all
    select
        feature,
        cast(null as int64) as place,
        cell,
        first_day,
        is_base,
        count(*) as visitors
    from visitors
    unpivot (cell for feature in (source, medium, channel, device, country))
    group by feature, cell, first_day, is_base
),

counts as (
    select
        feature,
        place,
        cell,
        sum(if(is_base, visitors, 0)) as earlier,
        sum(if(is_base, 0, visitors)) as later,
        sum(sum(if(is_base, visitors, 0))) over (partition by feature) as base_visitors,
        sum(sum(if(is_base, 0, visitors))) over (partition by feature) as visitors
    from daily
    group by feature, place, cell
),

shares as (
    select
        *,
        safe_divide(earlier, base_visitors) as base_share,
        safe_divide(later, visitors) as share,
        sum(safe_divide(later, visitors) - safe_divide(earlier, base_visitors))
            over (partition by feature order by place) as gap_up_to
    from counts
),

distances as (
    select
        feature,
        base_visitors,
        visitors,
        max(abs(if(place is null, share - base_share, gap_up_to))) as difference,
        sum(
            if(base_share > 0, base_share * log(2 * base_share / (base_share + share), 2), 0)
            + if(share > 0, share * log(2 * share / (base_share + share), 2), 0)
        ) / 2 as jensen_shannon
    from shares
    group by feature, base_visitors, visitors
),

means as (
    select
        feature,
        avg(if(is_base, null, value)) - avg(if(is_base, value, null)) as difference,
        sqrt((var_samp(if(is_base, value, null)) + var_samp(if(is_base, null, value))) / 2) as deviation
    from numbers
    group by feature
),

-- The chi-square test needs at least five expected visitors per cell in the smaller period (Cochran 1954). Rarer cells
-- are combined into one cell.
named as (
    select
        *,
        if(
            (earlier + later) * least(base_visitors, visitors) >= 5 * (base_visitors + visitors),
            concat('cell ', cell),
            'rare cells'
        ) as test_cell
    from counts
),

tested as (
    select
        feature,
        test_cell,
        sum(earlier) as earlier,
        sum(later) as later
    from named
    group by feature, test_cell, base_visitors, visitors
    having sum(named.earlier + named.later) * least(base_visitors, visitors) >= 5 * (base_visitors + visitors)
),

tested_shares as (
    select
        feature,
        earlier,
        later,
        sum(earlier) over (partition by feature) as all_earlier,
        sum(later) over (partition by feature) as all_later
    from tested
),

tests as (
    select
        feature,
        sum(
            pow(earlier * all_later - later * all_earlier, 2) / (earlier + later) / all_earlier / all_later
        ) as chi_square,
        count(*) - 1 as degrees
    from tested_shares
    group by feature
),

-- The chi-square test compares days of the earlier period that have the same weekday. The result shows how much days
-- differ without drift.
base_cells as (
    select
        daily.feature,
        tested.test_cell,
        daily.first_day,
        extract(dayofweek from daily.first_day) as weekday,
        sum(daily.visitors) as visitors
    from daily
    inner join named
        on daily.feature = named.feature and daily.cell = named.cell
    inner join tested
        on named.feature = tested.feature and named.test_cell = tested.test_cell
    where daily.is_base
    group by daily.feature, tested.test_cell, daily.first_day, weekday
),

base_shares as (
    select
        *,
        sum(visitors) over (partition by feature, first_day) as of_day,
        sum(visitors) over (partition by feature, weekday, test_cell) as of_cell
    from base_cells
),

weekdays as (
    select
        feature,
        sum(visitors) * (sum(visitors * visitors / of_day / of_cell) - 1) as chi_square,
        (count(distinct first_day) - 1) * (count(distinct test_cell) - 1) as degrees
    from base_shares
    group by feature, weekday
),

base_tests as (
    select
        feature,
        sum(chi_square) as chi_square,
        sum(degrees) as degrees
    from weekdays
    group by feature
)

select
    distances.feature,
    distances.base_visitors,
    distances.visitors,
    distances.difference,
    distances.jensen_shannon,
    safe_divide(means.difference, means.deviation) as mean_difference,
    tests.chi_square,
    coalesce(tests.degrees, 0) as degrees,
    base_tests.chi_square as base_chi_square,
    coalesce(base_tests.degrees, 0) as base_degrees
from distances
left join means
    on distances.feature = means.feature
left join tests
    on distances.feature = tests.feature
left join base_tests
    on distances.feature = base_tests.feature
order by distances.feature
