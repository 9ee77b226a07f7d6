select * from {{ ref('visitors') }} where amount < 0
