# LATENCY: events above the threshold, and histograms of commands.

start_server {overrides {latency-monitor-threshold 20 enable-debug-command yes}} {
    test "LATENCY LATEST and HISTORY show a slow command" {
        r latency reset
        assert_equal {} [r latency latest]
        r debug sleep 0.03
        lassign [lindex [r latency latest] 0] name time last max
        assert_equal command $name
        assert {abs($time - [clock seconds]) < 5}
        assert {$last >= 30 && $last < 3000}
        assert_equal $last $max
        assert_equal 1 [llength [r latency history command]]
        assert_equal {} [r latency history nosuch]
    }

    test "LATENCY GRAPH and DOCTOR" {
        assert_match "command - high * ms, all time high * ms*" [r latency graph command]
        assert_error "ERR No samples available for event 'nosuch'" {r latency graph nosuch}
        assert_match "*command: 1 latency spikes*" [r latency doctor]
    }

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
