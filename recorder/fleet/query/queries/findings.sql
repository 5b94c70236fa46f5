-- Findings of recorder doctor by kind, the gravest first, each with the cassette that has most of them.
SELECT severity,
       kind,
       sum(count) AS count,
       count(*) AS cassettes,
       arg_max(cassette, count) AS cassette,
       arg_max(place, count) AS place,
       arg_max(text, count) AS text
FROM (
    SELECT severity, kind, cassette, count(*) AS count, min(place) AS place, min(text) AS text
    FROM findings
    GROUP BY severity, kind, cassette
)
GROUP BY severity, kind
ORDER BY list_position(['damage', 'problem', 'remark'], severity), count DESC, kind
