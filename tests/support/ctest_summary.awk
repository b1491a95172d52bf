# Reads ctest's JUnit report: lists skipped tests with their reasons and what failed ones printed last, where
# the end of a log still shows it, then prints the closing line "LABEL N passed, N failed, N skipped". Fails
# when a test failed or could not be run at all.

BEGIN { most_lines = 40 }

function text(xml) {
  gsub(/&lt;/, "<", xml); gsub(/&gt;/, ">", xml); gsub(/&quot;/, "\"", xml)
  gsub(/&apos;/, "'", xml); gsub(/&amp;/, "\\&", xml)
  return xml
}

function attribute(line, key) {
  if (!match(line, "[ \t]" key "=\"[^\"]*\"")) return ""
  return text(substr(line, RSTART + length(key) + 3, RLENGTH - length(key) - 4))
}

/<testcase / {
  name = attribute($0, "name")
  status = attribute($0, "status")
  reason = ""
  in_reason = 0
  broken = 0
  lines = 0
}
{ printed[lines++ % most_lines] = text($0) }

# ctest takes a test that failed before it was skipped (in SetUpTestSuite, say) for a skipped one.
/: Failure$/ { broken = 1 }

/<skipped / { skip_message = attribute($0, "message") }

# GoogleTest prints "FILE:LINE: Skipped" and the reason below it.
/: Skipped$/ { in_reason = 1; next }
in_reason && (/^$/ || /^\[/ || /<\/system-out>/) { in_reason = 0 }
# The tests of a suite that is one ctest have the same reason.
in_reason && index(reason, text($0)) == 0 { reason = reason (reason == "" ? "" : " ") text($0) }

/<\/testcase>/ {
  if (status == "run" && reason == "") {
    passed++
  } else if (status == "run") {  # several tests as one, some of them skipped
    skipped++
    skips[skipped] = "in " name ": " reason
  } else if (status == "notrun" && skip_message ~ /^SKIP_/ && !broken) {
    skipped++
    skips[skipped] = name ": " (reason == "" ? "no reason given" : reason)
  } else {
    failed++
    if (status == "fail") {
      output[failed] = "failed " name
      for (i = lines > most_lines ? lines - most_lines : 0; i < lines; i++) {
        output[failed] = output[failed] "\n  " substr(printed[i % most_lines], 1, 500)
      }
    }
    if (status != "fail") failures[failed] = name ": " (broken ? "failed in its set-up" : skip_message)
  }
  skip_message = ""
}

END {
  for (i = 1; i <= skipped; i++) print "skipped " skips[i]
  for (i in failures) print "not run " failures[i]
  for (i = 1; i <= failed; i++) if (i in output) print output[i]
  print ""
  if (label != "") label = label " "
  printf "%s%d passed, %d failed, %d skipped\n", label, passed, failed, skipped
  exit failed > 0
}
