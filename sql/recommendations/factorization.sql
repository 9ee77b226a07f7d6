-- Train a matrix factorization of visitors and products, by weighted alternating least squares (Hu, Koren, Volinsky
-- 2008). On Google Cloud, the training needs a reservation of the Enterprise edition.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @is_final    BOOL    true to publish; false to measure the method on the held-out products
create or replace model `${model}`
options (
    model_type = 'MATRIX_FACTORIZATION',
    feedback_type = 'IMPLICIT',
    user_col = 'visitor_id',
    item_col = 'product_id',
    rating_col = 'rating',
    num_factors = 16,
    l2_reg = 10.0,
    wals_alpha = 10.0,
    max_iterations = 10
) as
select
    visitor_id,
    product_id,
    rating
from visitor_products
where run_id = @run_id and created_on = @created_on and (@is_final or not is_held_out)
