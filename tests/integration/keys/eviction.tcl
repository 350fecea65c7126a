# maxmemory: what each policy evicts, and what is refused.

start_server {} {
    # `count` keys with 1000 bytes each, some with a time to live.
    proc fill {prefix count {ttl 0}} {
        for {set i 0} {$i < $count} {incr i} {
            if {$ttl} {
                r set $prefix:$i [string repeat x 1000] ex [expr {$ttl + $i}]
            } else {
                r set $prefix:$i [string repeat x 1000]
            }
        }
    }

    proc keys_of {prefix} { return [llength [r keys $prefix:*]] }

    proc used {} { return [info_field [r info memory] used_memory] }

    proc evicted {} { return [info_field [r info stats] evicted_keys] }

    proc start_over {policy} {
        r config set maxmemory 0 maxmemory-policy $policy
        r flushall
        r config resetstat
    }

    test "noeviction refuses what needs memory and allows the rest" {
        start_over noeviction
        fill plain 10
        r config set maxmemory 1
        assert_error "OOM command not allowed when used memory > 'maxmemory'." {r set more x}
        assert_error "OOM command not allowed when used memory > 'maxmemory'." {r rpush list x}
        assert_equal 1000 [r strlen plain:1]
        assert_equal 1 [r del plain:1]
        assert_equal 0 [evicted]
        assert_range [info_field [r info stats] evicted_keys] 0 0
    }

    foreach policy {allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl} {
        test "$policy evicts until there is room" {
            start_over $policy
            fill plain 300
            fill volatile 1000 1000
            set limit [expr {[used] - 300000}]
            r config set maxmemory $limit
            # A round is bounded in time: what it leaves the next ones do.
            wait_until 1 10 {expr {[used] <= $limit}}
            r config set maxmemory 0
            assert {[evicted] >= 200}
            assert_equal [evicted] [expr {1300 - [keys_of plain] - [keys_of volatile]}]
            if {[string match volatile-* $policy]} {
                assert_equal 300 [keys_of plain]
            }
        }
    }

    foreach policy {volatile-lru volatile-lfu volatile-random volatile-ttl} {
        test "$policy with nothing that expires refuses" {
            start_over $policy
            fill plain 10
            r config set maxmemory 1
            assert_error "OOM command not allowed when used memory > 'maxmemory'." {r set more x}
            assert_equal 10 [keys_of plain]
        }
    }

    test "volatile-ttl takes the nearest first" {
        start_over volatile-ttl
        fill late 500 100000
        fill soon 500 1000
        r config set maxmemory [expr {[used] - 200000}]
        wait_until 1 10 {expr {[evicted] >= 100}}
        assert_equal 500 [keys_of late]
    }

    test "allkeys-lru keeps what was used" {
        start_over allkeys-lru
        r config set maxmemory-samples 10
        fill old 500
        # Idle times are seconds: make the others older without waiting.
        for {set i 0} {$i < 500} {incr i} {
            r restore old:$i 0 [r dump old:$i] replace idletime [expr {1000 + $i}]
        }
        fill new 500
        r config set maxmemory [expr {[used] - 200000}]
        wait_until 1 10 {expr {[evicted] >= 100}}
        assert_equal 500 [keys_of new]
        r config set maxmemory-samples 5
    }

    test "allkeys-lfu keeps what was used often" {
        start_over allkeys-lfu
        r config set maxmemory-samples 10
        fill rare 500
        fill often 500
        for {set i 0} {$i < 500} {incr i} {
            r restore often:$i 0 [r dump often:$i] replace freq 100
        }
        r config set maxmemory [expr {[used] - 200000}]
        wait_until 1 10 {expr {[evicted] >= 100}}
        assert_equal 500 [keys_of often]
        r config set maxmemory-samples 5
    }

    test "OBJECT FREQ and IDLETIME by policy" {
        start_over allkeys-lfu
        r set a 1
        assert_range [r object freq a] 0 6
        assert_error "ERR An LFU maxmemory policy is selected*" {r object idletime a}
        r config set maxmemory-policy allkeys-lru
        assert_error "ERR An LFU maxmemory policy is not selected*" {r object freq a}
        r set a 1
        assert_range [r object idletime a] 0 2
    }

    test "Nothing is evicted while clients are paused" {
        start_over allkeys-random
        fill plain 300
        r client pause 100000 write
        r config set maxmemory 1
        wait_until 1 5 {expr {[info_field [r info server] uptime_in_seconds] >= 0}}
        assert_equal 300 [r dbsize]
        r client unpause
        wait_until 1 10 {expr {[evicted] > 0}}
    }

    test "Large values are evicted in the background when told" {
        start_over allkeys-lru
        r config set lazyfree-lazy-eviction yes
        for {set i 0} {$i < 5000} {incr i} { lappend members member:$i }
        r sadd large {*}$members
        r config set maxmemory 1
        wait_until 0 10 {r dbsize}
        wait_until 0 10 {info_field [r info memory] lazyfree_pending_objects}
        assert_range [info_field [r info memory] lazyfreed_objects] 1 10
        r config set lazyfree-lazy-eviction no
    }

    test "What is being freed in the background is not made up for with other keys" {
        foreach {lazy size} {yes 2000 no 25000} {
            start_over allkeys-random
            r config set lazyfree-lazy-eviction $lazy
            set members {}
            for {set i 0} {$i < $size} {incr i} { lappend members member:$i }
            for {set i 0} {$i < 50} {incr i} { r sadd large:$i {*}$members }
            set limit [expr {[used] - 10000}]
            r deferred 1
            r config set maxmemory $limit
            for {set i 0} {$i < 300} {incr i} { r set small:$i v }
            r deferred 0
            for {set i 0} {$i <= 300} {incr i} { assert_equal OK [r read] }
            wait_until 0 10 {info_field [r info memory] lazyfree_pending_objects}
            assert_range [evicted] 1 50
            assert {[used] < $limit + 100000}
        }
        r config set lazyfree-lazy-eviction no maxmemory 0
    }
}
