-- Cassettes that could not be read, and why.
SELECT url AS cassette, size, problem
FROM cassettes
WHERE problem IS NOT NULL
ORDER BY cassette
