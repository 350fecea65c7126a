# test, assertions and waiting.

set suite(name) ""
set suite(failures) 0
set suite(emitted) 0

# A line of its own: a child's output may have ended without a newline.
proc emit {args} {
    incr ::suite(emitted)
    puts "\n[join [lmap field $args { string map {\n \\n \t \\t \r \\r} $field }] \t]"
    flush stdout
}

# A failed assertion is an error with this code: anything else is an error in the test or the client.
proc fail {message} {
    return -level 2 -code error -errorcode ASSERTION $message
}

# test NAME BODY ?NEEDS?: runs BODY; NEEDS is a list of conditions (see needs_unmet).
proc test {name body {needs {}}} {
    global suite opt
    if {![test_is_wanted $name]} { return }
    set unmet [needs_unmet $needs]
    if {$unmet ne ""} {
        emit @skip $name $unmet
        return
    }
    set suite(name) $name
    set start [clock milliseconds]
    note_in_logs "=== test: $name"
    set code [catch {uplevel 1 $body} message options]
    if {$code != 0} {
        if {$code == 2 && [dict get $options -code] == 0} {
            # `return` in a body ends the test well; that of `fail` does not.
            emit @ok $name [expr {[clock milliseconds] - $start}]
        } elseif {[lindex [dict get $options -errorcode] 0] eq "SKIP"} {
            emit @skip $name $message
        } else {
            report_failure $name [failure_text $message $options]
            refresh_clients
        }
    } else {
        emit @ok $name [expr {[clock milliseconds] - $start}]
    }
    set suite(name) ""
}

# Ends the test that runs: it cannot be done here, and why.
proc skip {why} {
    return -code error -errorcode SKIP $why
}

proc failure_text {message options} {
    if {![dict exists $options -errorinfo]} { return $message }
    if {[dict get $options -errorcode] eq "ASSERTION"} {
        set lines [split [dict get $options -errorinfo] \n]
        set where ""
        foreach line $lines {
            if {[regexp {\("uplevel" body line (\d+)\)} $line -> number]} { set where " (line $number of the test)" }
        }
        return $message$where
    }
    return "$message\n[string range [dict get $options -errorinfo] 0 1500]"
}

proc report_failure {name message} {
    global suite
    incr suite(failures)
    emit @fail $name $message [mark_servers_failed]
}

# A failed test may leave replies unread: the next one gets a new connection.
proc refresh_clients {} {
    global servers
    for {set level 0} {$level > -[llength $servers]} {incr level -1} {
        if {[process_alive [srv $level pid]] && [srv $level client] ne ""} {
            catch {reconnect $level}
        }
    }
}

proc test_is_wanted {name} {
    global opt
    if {[llength $opt(only)] == 0} { return 1 }
    foreach pattern $opt(only) {
        if {[string match $pattern $name] || [string first $pattern $name] >= 0} { return 1 }
    }
    return 0
}

# Conditions: sluice (not the reference server), reference, redis8 (behaviour newer than the 7.0
# reference), tls, plain, built_tls (whatever the clients speak), threads, ipv6, or an expression in braces after "if".
proc needs_unmet {needs} {
    global opt
    foreach need $needs {
        switch -glob -- $need {
            sluice { if {![server_is_sluice]} { return "only for Sluice" } }
            reference { if {[server_is_sluice]} { return "only for the reference server" } }
            redis8 { if {[server_level] < 8} { return "newer than the reference server" } }
            tls { if {!$opt(tls)} { return "only with --tls" } }
            plain { if {$opt(tls)} { return "only without --tls" } }
            built_tls { if {![server_has_tls]} { return "built without TLS" } }
            threads { if {$opt(io_threads) eq "" || $opt(io_threads) < 2} { return "only with --io-threads" } }
            ipv6 { if {[catch {close [socket -server x -myaddr ::1 0]}]} { return "no IPv6 here" } }
            cli { if {![file executable [cli_program]]} { return "redis-cli is not built" } }
            benchmark { if {![file executable [benchmark_program]]} { return "redis-benchmark is not built" } }
            tells_maxclients {
                # The reference closes a TLS connection over the limit without a word.
                if {$opt(tls) && ![server_is_sluice]} { return "only for Sluice" }
            }
            command:* {
                set name [string range $need 8 end]
                if {![server_has_command $name]} { return "the server has no $name yet" }
            }
            default { error "unknown condition $need" }
        }
    }
    return ""
}

# The whole file needs something: ends the worker's file when it is not there.
proc file_needs {args} {
    set unmet [needs_unmet $args]
    if {$unmet ne ""} {
        emit @skip "(the file)" $unmet
        return -level 1 -code return
    }
}

# -- assertions --

proc brief {text} {
    # No expr here: it would write numbers its own way.
    if {[string length $text] <= 400} { return $text }
    return "[string range $text 0 400]... ([string length $text] bytes)"
}

proc assert {expression {detail ""}} {
    if {![uplevel 1 [list expr $expression]]} {
        set known [uplevel 1 [list subst -nocommands $expression]]
        fail "not true: $expression  ([brief $known])[expr {$detail ne "" ? ": $detail" : ""}]"
    }
}

proc assert_equal {expected actual {detail ""}} {
    if {$expected ne $actual} {
        fail "expected '[brief $expected]', got '[brief $actual]'[expr {$detail ne "" ? " ($detail)" : ""}]"
    }
}

proc assert_not_equal {unexpected actual} {
    if {$unexpected eq $actual} { fail "did not expect '[brief $actual]'" }
}

proc assert_match {pattern actual {detail ""}} {
    if {![string match $pattern $actual]} {
        fail "expected a match of '$pattern', got '[brief $actual]'[expr {$detail ne "" ? " ($detail)" : ""}]"
    }
}

proc assert_no_match {pattern actual} {
    if {[string match $pattern $actual]} { fail "did not expect a match of '$pattern': '[brief $actual]'" }
}

proc assert_range {value low high} {
    if {$value < $low || $value > $high} { fail "expected $low..$high, got '$value'" }
}

# SCRIPT must raise an error that matches the glob PATTERN.
proc assert_error {pattern script} {
    if {![catch {uplevel 1 $script} message options]} {
        fail "expected an error like '$pattern', got the reply '[brief $message]'"
    }
    if {[dict get $options -errorcode] eq "ASSERTION"} { return -options $options $message }
    if {![string match $pattern $message]} {
        fail "expected an error like '$pattern', got '[brief $message]'"
    }
}

# Waits for SCRIPT's result to be VALUE, up to SECONDS, but 30 at the least: the limit is for what
# never comes, and a machine may be slow or stand still for a moment.
proc wait_until {value seconds script} {
    set seconds [expr {max($seconds, 30)}]
    set deadline [expr {[clock milliseconds] + int($seconds * 1000)}]
    while 1 {
        set got [uplevel 1 $script]
        if {$got eq $value} { return }
        if {[clock milliseconds] > $deadline} {
            fail "waited $seconds s for '$value' of $script, it is '[brief $got]'"
        }
        resp::pause_ms 10
    }
}
