-- A POST of BODY, or of BYTES bytes.
wrk.method = "POST"
wrk.body = os.getenv("BODY") or string.rep("x", tonumber(os.getenv("BYTES")))
