-- Refused operations: those whose ack said no, by status and error, with the latest place to look at.
-- operation [*]: Pattern of the operations, e.g. Get*.
SELECT operation,
       status,
       error,
       count(*) AS count,
       count(DISTINCT cassette) AS cassettes,
       max(time) AS last,
       arg_max(cassette, time) AS cassette,
       arg_max(n, time) AS n
FROM triples
WHERE refused AND operation GLOB $operation
GROUP BY operation, status, error
ORDER BY count DESC, operation, status, error
