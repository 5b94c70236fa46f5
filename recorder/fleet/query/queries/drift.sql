-- Drift of latency by week: the 95th percentile of ack and last event, and how it changed in a week.
-- operation [*]: Pattern of the operations, e.g. Get*.
WITH weeks AS (
    SELECT operation,
           CAST(date_trunc('week', day) AS DATE) AS week,
           count(*) AS count,
           quantile_disc(ack_ms, 0.95) AS ack_p95,
           quantile_disc(terminal_ms, 0.95) AS last_p95
    FROM triples
    WHERE operation GLOB $operation
    GROUP BY operation, week
)
SELECT operation,
       week,
       count,
       ack_p95,
       round(100 * (ack_p95 / nullif(lag(ack_p95) OVER before, 0) - 1), 1) AS ack_change_percent,
       last_p95,
       round(100 * (last_p95 / nullif(lag(last_p95) OVER before, 0) - 1), 1) AS last_change_percent
FROM weeks
WINDOW before AS (PARTITION BY operation ORDER BY week)
ORDER BY greatest(ack_change_percent, last_change_percent) DESC NULLS LAST, operation, week
