-- Cassettes that hold an id: a handle, a reference, or another key of a triple or an event.
-- id: The value, as a whole.
SELECT cassette, dialect, count(n) AS triples, count(*) - count(n) AS others, min(n) AS n, min(time) AS first, max(time) AS last
FROM (
    SELECT cassette, dialect, n, time FROM triples WHERE list_contains(ids, $id)
    UNION ALL
    SELECT cassette, dialect, n, time FROM events WHERE n IS NULL AND list_contains(ids, $id)
)
GROUP BY cassette, dialect
ORDER BY first, cassette
