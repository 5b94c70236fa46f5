-- What wrk sends: each thread has one connection, and is a client with a session of its own.
--
--     wrk -t 8 -c 8 … -s load.lua URL -- REQUESTS polls|calls|session
--
-- REQUESTS has a line per recorded operation: its target, a tab, its body with @ where the referenceId stands. With
-- `polls` a client shakes hands, connects and subscribes, and then sends an operation, and the poll that brings its
-- events, in turn, under referenceIds of its own. With `calls` it sends the operations alone, as they were recorded: the
-- other tools take no other ones. With `session` a line is a target, a tab and a body, which are sent as they are.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

local operations, heads = {}, {}
local prefix, suffix, polls, session, client, turn = "", "", true, false, "", 0
failed, empty = 0, 0 -- answers that are no 200; polls that brought nothing

local function post(target, body)
  return "POST " .. target .. prefix .. #body .. suffix .. body
end

local function bayeux(fields)
  return post("/api/v2/notifications", '[{"clientId":"' .. client .. '",' .. fields .. "}]")
end

local function cookies(cookie)
  prefix = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nAccept: */*\r\n"
    .. "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36\r\n"
    .. "Content-Type: application/json;charset=UTF-8\r\n" .. cookie .. "Content-Length: "
  suffix = "\r\n\r\n"
end

function init(arguments)
  polls, session = arguments[2] == "polls", arguments[2] == "session"
  for line in io.lines(arguments[1]) do
    local target, before, reference, after = line:match("^(.-)\t(.-)@(.-)@(.*)$")
    if session then target, before = line:match("^(.-)\t(.*)$") end
    table.insert(operations, { target, before, reference, after })
  end
  -- clients do not all ask for the same at the same time
  turn = math.floor(number * #operations / 8)
  cookies("")
end

local steps = {
  function() return bayeux('"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]') end,
  function() return bayeux('"channel":"/meta/connect","connectionType":"long-polling","id":"2"') end,
  function() return bayeux('"channel":"/meta/subscribe","subscription":"/**","id":"3"') end,
}
local step, polling = 1, false

function request()
  if polls and step <= #steps then return steps[step]() end
  if polls and polling then return bayeux('"channel":"/meta/connect","connectionType":"long-polling","id":"' .. turn .. '"') end
  turn = turn + 1
  local one = operations[(turn - 1) % #operations + 1]
  if session then
    polling = one[1] == "/api/v2/notifications"
    return post(one[1], one[2])
  end
  local reference = polls and ("w" .. number .. "-" .. turn) or one[3]
  return post(one[1], one[2] .. reference .. one[4])
end

function response(status, headers, body)
  if status ~= 200 then failed = failed + 1 end
  if session and polling and #body < 300 then empty = empty + 1 end
  if not polls then return end
  if step <= #steps then
    if step == 1 then
      client = body:match('"clientId":%s*"(.-)"') or "none"
      local cookie = (headers["Set-Cookie"] or ""):match("^[^;]+")
      cookies("Cookie: JSESSIONID=node01abcdefghijklmnop" .. number .. (cookie and "; " .. cookie or "") .. "\r\n")
    end
    step = step + 1
  else
    if polling and #body < 300 then empty = empty + 1 end
    polling = not polling
  end
end

function done(summary, latency, requests)
  local bad, none = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, 0
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("failed")
    none = none + thread:get("empty")
  end
  io.write(string.format('\n{"requests": %d, "seconds": %.6f, "failed": %d, "empty": %d, "p99": %.3f}\n',
    summary.requests, summary.duration / 1e6, bad, none, latency:percentile(99) / 1000))
end
