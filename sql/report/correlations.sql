-- Return the Pearson correlation of each pair of numeric features, and of each numeric feature and the label, over all
-- of the run's visitors.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
with
measured as (
    select
        [
            struct('bounces' as feature, 'time_on_site' as other_feature, corr(bounces, time_on_site) as correlation),
            ('bounces', 'pageviews', corr(bounces, pageviews)),
            ('bounces', 'hits', corr(bounces, hits)),
            ('bounces', 'furthest_step', corr(bounces, furthest_step)),
            ('bounces', 'products_viewed', corr(bounces, products_viewed)),
            ('bounces', 'products_added', corr(bounces, products_added)),
            ('bounces', 'hour', corr(bounces, hour)),
            ('bounces', 'will_buy_on_return_visit', corr(bounces, will_buy_on_return_visit)),
            ('time_on_site', 'pageviews', corr(time_on_site, pageviews)),
            ('time_on_site', 'hits', corr(time_on_site, hits)),
            ('time_on_site', 'furthest_step', corr(time_on_site, furthest_step)),
            ('time_on_site', 'products_viewed', corr(time_on_site, products_viewed)),
            ('time_on_site', 'products_added', corr(time_on_site, products_added)),
            ('time_on_site', 'hour', corr(time_on_site, hour)),
            ('time_on_site', 'will_buy_on_return_visit', corr(time_on_site, will_buy_on_return_visit)),
            ('pageviews', 'hits', corr(pageviews, hits)),
            ('pageviews', 'furthest_step', corr(pageviews, furthest_step)),
            ('pageviews', 'products_viewed', corr(pageviews, products_viewed)),
            ('pageviews', 'products_added', corr(pageviews, products_added)),
            ('pageviews', 'hour', corr(pageviews, hour)),
            ('pageviews', 'will_buy_on_return_visit', corr(pageviews, will_buy_on_return_visit)),
            ('hits', 'furthest_step', corr(hits, furthest_step)),
            ('hits', 'products_viewed', corr(hits, products_viewed)),
            ('hits', 'products_added', corr(hits, products_added)),
            ('hits', 'hour', corr(hits, hour)),
            ('hits', 'will_buy_on_return_visit', corr(hits, will_buy_on_return_visit)),
            ('furthest_step', 'products_viewed', corr(furthest_step, products_viewed)),
            ('furthest_step', 'products_added', corr(furthest_step, products_added)),
            ('furthest_step', 'hour', corr(furthest_step, hour)),
            ('furthest_step', 'will_buy_on_return_visit', corr(furthest_step, will_buy_on_return_visit)),
            ('products_viewed', 'products_added', corr(products_viewed, products_added)),
            ('products_viewed', 'hour', corr(products_viewed, hour)),
            ('products_viewed', 'will_buy_on_return_visit', corr(products_viewed, will_buy_on_return_visit)),
            ('products_added', 'hour', corr(products_added, hour)),
            ('products_added', 'will_buy_on_return_visit', corr(products_added, will_buy_on_return_visit)),
            ('hour', 'will_buy_on_return_visit', corr(hour, will_buy_on_return_visit))
        ] as pairs
    from training_rows
    where run_id = @run_id and created_on = @created_on
)

select
    pair.feature,
    pair.other_feature,
    pair.correlation
from measured
cross join unnest(measured.pairs) as pair
order by pair.feature, pair.other_feature
