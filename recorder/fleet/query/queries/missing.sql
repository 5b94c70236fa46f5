-- Events that never came: triples that were acked only, by operation and the events that end it elsewhere.
-- operation [*]: Pattern of the operations, e.g. Get*.
WITH chosen AS MATERIALIZED (
    SELECT dialect, operation, cassette, n, time, state FROM triples WHERE operation GLOB $operation
), ends AS (
    SELECT dialect, operation, list(DISTINCT name ORDER BY name) AS expected
    FROM events JOIN chosen USING (dialect, cassette, n)
    WHERE is_terminal
    GROUP BY dialect, operation
)
SELECT dialect,
       operation,
       array_to_string(expected, ', ') AS expected,
       count(*) FILTER (WHERE state = 'acked') AS missing,
       count(*) AS triples,
       arg_max(cassette, time) FILTER (WHERE state = 'acked') AS cassette,
       arg_max(n, time) FILTER (WHERE state = 'acked') AS n
FROM chosen JOIN ends USING (dialect, operation)
GROUP BY dialect, operation, expected
HAVING missing > 0
ORDER BY missing DESC, dialect, operation
