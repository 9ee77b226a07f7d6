-- Return the statistics of one model's training: the losses of each iteration, the distribution of each input, and
-- BigQuery ML's own metrics on the evaluation rows.
select
    array(
        select as struct
            iteration,
            loss,
            eval_loss,
            learning_rate,
            duration_ms
        from ml.training_info(model `${model}`)
        order by iteration
    ) as iterations,
    array(
        select as struct
            input,
            min,
            max,
            mean,
            median,
            stddev,
            category_count,
            null_count
        from ml.feature_info(model `${model}`)
        order by input
    ) as features,
    array(
        select as struct
            precision,
            recall,
            accuracy,
            f1_score,
            log_loss,
            roc_auc
        from ml.evaluate(model `${model}`)
    ) as evaluation
