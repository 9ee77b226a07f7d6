-- How one model's training went: the losses of each iteration, what each input looked like, and BigQuery ML's own
-- metrics on the rows that early stopping watched.
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
