-- Sends the requests of a file in turn: `wrk -s requests.lua URL -- FILE [COUNT STATUS]`. In the file each begins with
-- its length on a line of its own. With COUNT so many are sent, once each, the time between the first and the last
-- answer is printed, and every answer must have STATUS.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } bench_time; int clock_gettime(int, bench_time *);" ..
   "int kill(int, int); int getpid(void);")

local requests, next_one, answered = {}, 0, 0
began, ended, wrong, first_wrong, count = nil, nil, 0, nil, nil
local status

local function now()
   local time = ffi.new("bench_time")
   ffi.C.clock_gettime(1, time)
   return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local threads = {}
function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   local file = assert(io.open(args[1], "rb"))
   while true do
      local length = file:read("*l")
      if not length then break end
      table.insert(requests, file:read(tonumber(length)))
   end
   file:close()
   count, status = tonumber(args[2]), tonumber(args[3])
   if not count then response = nil end
end

function request()
   began = began or now()
   next_one = next_one + 1
   return requests[(next_one - 1) % #requests + 1]
end

function response(got, headers, body)
   answered = answered + 1
   if answered > count then return end
   if got ~= status then
      wrong = wrong + 1
      first_wrong = first_wrong or (got .. " " .. body:sub(1, 200):gsub("%s+", " "))
   end
   if answered == count then
      ended = now()
      wrk.thread:stop()
      ffi.C.kill(ffi.C.getpid(), 2) -- Or the main thread would sleep on until the end of the duration.
   end
end

function done(summary, latency, _)
   local errors = summary.errors
   local broken = errors.connect + errors.read + errors.write + errors.timeout
   local one = threads[1]
   local seconds, requests_done, failed = summary.duration / 1e6, summary.requests, errors.status
   if one:get("count") then
      failed, requests_done = one:get("wrong"), one:get("count")
      seconds = (one:get("ended") or 1 / 0) - one:get("began")
   end
   print(string.format("bench %d %.6f %d %d %.1f %.1f %.1f", requests_done, seconds, failed, broken,
      latency:percentile(50), latency:percentile(99), summary.bytes / summary.requests))
   if one:get("first_wrong") then print("bench-wrong " .. one:get("first_wrong")) end
end
