-- Contents: cassettes, sessions, triples and events of each dialect, from when to when.
SELECT dialect,
       count(*) AS cassettes,
       sum(sessions) AS sessions,
       sum(triples) AS triples,
       sum(events) AS events,
       min(began) AS began,
       max(ended) AS ended
FROM cassettes
WHERE problem IS NULL
GROUP BY dialect
ORDER BY cassettes DESC, dialect
