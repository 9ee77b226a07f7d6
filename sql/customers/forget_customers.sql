-- Remove the customers whose row of crm_customers is gone or has changed. A changed row is checked again.
delete from customers
where digest not in (select crm_rows.digest from crm_rows)
