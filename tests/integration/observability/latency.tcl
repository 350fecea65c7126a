# LATENCY: events above the threshold, and histograms of commands.

start_server {overrides {latency-monitor-threshold 20 enable-debug-command yes}} {
    test "LATENCY LATEST and HISTORY show a slow command" {
        r latency reset
        assert_equal {} [r latency latest]
        set start [clock seconds]
        r debug sleep 0.03
        lassign [lindex [r latency latest] 0] name time last max
        assert_equal command $name
        assert_range $time $start [clock seconds]
        assert {$last >= 30}
        assert_equal $last $max
        assert_equal 1 [llength [r latency history command]]
        assert_equal {} [r latency history nosuch]
    }

    test "LATENCY GRAPH and DOCTOR" {
        set lines [split [string trimright [r latency graph command] "\n"] "\n"]
        assert_match "command - high * ms, low * ms (all time high * ms)" [lindex $lines 0]
        assert_equal [string repeat - 80] [lindex $lines 1]
        assert_equal {{ } { } { } _ { }} [lrange $lines 2 6]
        assert_match {[0-9] s} [lrange $lines 7 8]
        assert_error "ERR No samples available for event 'nosuch'" {r latency graph nosuch}
        assert_match "*1. command: 1 latency spikes (average *ms, mean deviation 0ms, period * sec). Worst all time event *ms.*" \
            [r latency doctor]
    }

    test "LATENCY GRAPH draws the highest sample highest" {
        r latency reset
        foreach seconds {0.2 0.6} {
            r debug sleep $seconds
            # A second has one sample.
            set second [clock seconds]
            while {[clock seconds] == $second} { resp::pause_ms 5 }
        }
        set lines [split [r latency graph command] "\n"]
        assert_equal { #} [lindex $lines 2]
        assert_equal { |} [lindex $lines 3]
        assert_equal {_|} [lindex $lines 5]
        assert_equal ss [lindex $lines 8]
    } {command:debug}

    test "LATENCY RESET" {
        assert_equal 0 [r latency reset nosuch]
        assert_equal 1 [r latency reset command nosuch]
        assert_equal {} [r latency latest]
        assert_equal 0 [r latency reset]
    }

    test "LATENCY HISTOGRAM is cumulative" {
        r config resetstat
        for {set i 0} {$i < 10} {incr i} { r set k $i }
        set facts [dict get [r latency histogram set] set]
        assert_equal 10 [dict get $facts calls]
        set counts [dict values [dict get $facts histogram_usec]]
        assert_equal 10 [lindex $counts end]
        assert_equal $counts [lsort -integer $counts]
        assert_equal {} [r latency histogram nosuch]
        assert {[dict exists [r latency histogram] config|resetstat]}
    }

    test "Without a threshold nothing is kept" {
        r config set latency-monitor-threshold 0
        r debug sleep 0.03
        assert_equal {} [r latency latest]
        assert_match "*monitoring is off*" [r latency doctor]
    }
}
