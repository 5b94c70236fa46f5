-- Slowest operations: milliseconds to the ack and to the last event, as recorder stats counts them.
-- operation [*]: Pattern of the operations, e.g. Get*.
SELECT operation,
       count(*) AS count,
       quantile_disc(ack_ms, 0.5) AS ack_median,
       quantile_disc(ack_ms, 0.95) AS ack_p95,
       max(ack_ms) AS ack_max,
       quantile_disc(terminal_ms, 0.5) AS last_median,
       quantile_disc(terminal_ms, 0.95) AS last_p95,
       max(terminal_ms) AS last_max
FROM triples
WHERE operation GLOB $operation
GROUP BY operation
ORDER BY greatest(ack_p95, last_p95) DESC NULLS LAST, operation
