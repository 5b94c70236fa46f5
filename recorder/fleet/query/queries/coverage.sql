-- Coverage: which operation was ever recorded with which event and which error, and how often.
-- operation [*]: Pattern of the operations, e.g. Get*.
SELECT operation,
       events.name AS event,
       coalesce(events.error, triples.error) AS error,
       count(*) AS count,
       count(DISTINCT cassette) AS cassettes,
       min(triples.day) AS first,
       max(triples.day) AS last
FROM triples LEFT JOIN events USING (dialect, cassette, n)
WHERE operation GLOB $operation
GROUP BY ALL
ORDER BY ALL
