# MEMORY and INFO keysizes.

start_server {} {
    test "MEMORY USAGE" {
        r set small 1
        r set large [string repeat x 100000]
        for {set i 0} {$i < 1000} {incr i} { r rpush list [string repeat y 100] }
        assert_range [r memory usage small] 20 100
        assert_range [r memory usage large] 100000 130000
        assert_range [r memory usage list] 100000 140000
        assert_range [r memory usage list samples 0] 100000 140000
        assert_equal "" [r memory usage nosuch]
        assert_error "ERR syntax error" {r memory usage small samples}
        assert_error "ERR syntax error" {r memory usage small samples -1}
        assert_error "ERR syntax error" {r memory usage small nonsense 1}
        assert_error "ERR value is not an integer or out of range" {r memory usage small samples x}
    }

    test "MEMORY STATS" {
        set stats [r memory stats]
        assert_equal 3 [dict get $stats keys.count]
        assert_range [expr {[dict get $stats total.allocated] - [dict get $stats startup.allocated]}] \
            150000 100000000
        assert_range [dict get $stats db.0 overhead.hashtable.main] 64 1000
        foreach name {peak.allocated total.allocated startup.allocated overhead.total
                      allocator.allocated fragmentation} {
            assert {[dict get $stats $name] > 0}
        }
    }

    test "MEMORY DOCTOR, PURGE, MALLOC-STATS, HELP" {
        assert {[string length [r memory doctor]] > 20}
        assert_equal OK [r memory purge]
        assert {[string length [r memory malloc-stats]] > 20}
        assert_match "*USAGE*" [r memory help]
        assert_error "ERR unknown subcommand*" {r memory nonsense}
    }

    test "INFO keysizes" {
        r flushall
        r set a ""
        r set b 12345
        r set c [string repeat x 3000]
        r rpush l 1 2 3
        r hset h f v
        set text [r info keysizes]
        assert_match "*db0_distrib_strings_sizes:0=1,4=1,2K=1\r\n*" $text
        assert_match "*db0_distrib_lists_items:2=1\r\n*" $text
        assert_match "*db0_distrib_hashes_items:1=1\r\n*" $text
        assert_no_match "*sets_items*" $text
        assert_no_match "*Keysizes*" [r info]
        assert_match "*Keysizes*" [r info all]
    }
}

start_server {overrides {io-threads 4 save {}}} {
    proc memory_field {name} { return [info_field [r info memory] $name] }

    test "What I/O threads and clients hold is overhead, not data" {
        r config set io-threads 4
        r debug populate 20000 key 100
        set dataset [memory_field used_memory_dataset]
        set used [memory_field used_memory]
        set startup [memory_field used_memory_startup]
        assert {$dataset > 2000000}
        foreach {threads sign} {1 -1 8 1} {
            r config set io-threads $threads
            wait_until 1 10 {expr {$sign * ([memory_field used_memory] - $used) > 500000}}
            assert_range [expr {[memory_field used_memory_dataset] - $dataset}] -300000 300000
            assert {$sign * ([memory_field used_memory_startup] - $startup) > 500000}
            assert_range [dict get [r memory stats] dataset.bytes] [expr {$dataset - 300000}] [expr {$dataset + 300000}]
            assert_range [dict get [r memory stats] keys.bytes-per-key] 100 600
            assert_range [string trimright [memory_field used_memory_dataset_perc] %] 40 100
        }
        set clients {}
        for {set i 0} {$i < 100} {incr i} { lappend clients [redis_client] }
        foreach c $clients { $c set key [string repeat x 5000] }
        assert_range [expr {[memory_field used_memory_dataset] - $dataset}] -300000 600000
        foreach c $clients { $c close }
    } {command:debug}

    test "A client that has had its reply holds no room for it any more" {
        set c [redis_client]
        set id [$c client id]
        $c set key v
        wait_until 1 5 {expr {[regexp {tot-mem=([0-9]+)} [r client list id $id] all memory] && \
            $memory < ([srv tls] ? 40000 : 3000)}}
        $c close
    }
}
