# DEBUG about keys.

start_server {} {
    proc fill {} {
        r flushall
        r set str [string repeat x 100]
        r set int 7 ex 1000
        for {set i 0} {$i < 2000} {incr i} {
            r rpush list [string repeat $i 3]
            r sadd set member:$i
            r hset hash field:$i $i
            r zadd zset $i member:$i
        }
        r hset small f v g w
        r hpexpireat small 60000000000000 fields 1 f
    }

    test "DEBUG RELOAD leaves all as it is" {
        fill
        set digest [r debug digest]
        set encodings [lmap key {str int list set hash zset small} {r object encoding $key}]
        assert_equal OK [r debug reload]
        assert_equal $digest [r debug digest]
        assert_equal $encodings [lmap key {str int list set hash zset small} {r object encoding $key}]
        assert_range [r ttl int] 990 1000
        assert_equal 60000000000000 [r hpexpiretime small fields 1 f]
    } {command:debug}

    test "DEBUG DIGEST says what is different" {
        set digest [r debug digest]
        r persist int
        assert {$digest ne [r debug digest]}
        set value [r debug digest-value str]
        r append str y
        assert {$value ne [r debug digest-value str]}
        assert_equal [string repeat 0 40] [lindex [r debug digest-value nosuch] 0]
        r flushall
        assert_equal [string repeat 0 40] [r debug digest]
    } {command:debug}

    test "DEBUG OBJECT, SDSLEN, HTSTATS, LISTPACK-ENTRIES, POPULATE" {
        assert_equal OK [r debug populate 100 item 20]
        assert_equal 100 [r dbsize]
        assert_equal 20 [r strlen item:99]
        assert_match "Value at:* encoding:embstr serializedlength:*" [r debug object item:1]
        assert_error "ERR no such key" {r debug object nosuch}
        assert_match "key_sds_len:6*val_sds_len:20*" [r debug sdslen item:1]
        assert_match "*number of elements: 100*" [r debug htstats 0]
        assert_error "ERR Out of range database" {r debug htstats 1000}
        r rpush list a 1
        assert_equal {a 1} [r debug listpack-entries list]
        assert_error "ERR Not a listpack encoded object." {r debug listpack-entries item:1}
        assert_equal OK [r debug quicklist-packed-threshold 100b]
        assert_error "ERR argument must be a memory value*" {r debug quicklist-packed-threshold 4gb}
    } {command:debug}

    test "DEBUG QUICKLIST-PACKED-THRESHOLD gives large elements a node to themselves" {
        r flushall
        r config set list-max-listpack-size 3
        foreach {threshold nodes} {0 2 100b 4} {
            assert_equal OK [r debug quicklist-packed-threshold $threshold]
            r del list
            foreach size {10 10 10 100 100 100} { r rpush list [string repeat x $size] }
            assert_match "*ql_nodes:$nodes *" [r debug object list]
            assert_equal {10 10 10 100 100 100} [lmap element [r lrange list 0 -1] { string length $element }]
        }
        r lset list 0 [string repeat y 100]
        assert_match "*ql_nodes:5 *" [r debug object list]
        assert_equal OK [r debug quicklist-packed-threshold 0]
        r config set list-max-listpack-size -2
    } {command:debug}

    test "DEBUG LISTPACK prints the listpack where the server's output goes" {
        r del list
        r rpush list word 42
        assert_equal "Listpack structure printed on stdout" [r debug listpack list]
        assert_error "ERR no such key" {r debug listpack nosuch}
    } {command:debug}

    test "DEBUG PAUSE-CRON stops what happens at intervals" {
        r flushall
        assert_equal OK [r debug pause-cron 1]
        r set x 1 px 1
        resp::pause_ms 250
        assert_equal 1 [r dbsize]
        assert_equal OK [r debug pause-cron 0]
        wait_until 0 5 {r dbsize}
    } {command:debug}

    test "DEBUG refuses what it does not know" {
        assert_error "ERR unknown subcommand or wrong number of arguments for 'bogus'. Try DEBUG HELP." {r debug bogus}
        assert_error "ERR unknown subcommand or wrong number of arguments for 'replybuffer'*" {r debug replybuffer x 1}
        assert_equal OK [r debug replybuffer peak-reset-time never]
        assert_equal OK [r debug replybuffer resizing 0]
        assert_equal OK [r debug client-enforce-reply-list 0]
        assert_error "ERR value is out of range, must be positive" {r debug populate abc}
        assert_error "ERR DEBUG RELOAD only supports*" {r debug reload bogus}
        assert_error "ERR Wrong protocol type name.*bignum*" {r debug protocol bogus}
    } {command:debug}

    test "DEBUG QUICKLIST prints the nodes of a list where the server's output goes" {
        r flushall
        r config set list-max-listpack-size 2 list-compress-depth 1
        for {set i 0} {$i < 9} {incr i} { r rpush list [string repeat element-$i 30] }
        assert_equal quicklist [r object encoding list]
        assert_equal "Quicklist structure printed on stdout" [r debug quicklist list]
        assert_match "*{count: 9}*{nodes: 5}*{fill: 2}*{compress: 1}*quicklist node 4*" [read_file [srv log]]
        assert_no_match "*element-0*" [read_file [srv log]]
        assert_equal "Quicklist structure printed on stdout" [r debug quicklist list 1]
        assert_match "*element-0*element-8*" [read_file [srv log]]
        r config set list-max-listpack-size -2 list-compress-depth 0
        r set s v
        assert_error "ERR Not a quicklist encoded object." {r debug quicklist s}
        assert_error "ERR no such key" {r debug quicklist nosuch}
        assert_error "ERR unknown subcommand or wrong number of arguments for 'quicklist'*" {r debug quicklist}
    } {command:debug}

    test "DEBUG STRUCTSIZE, STRINGMATCH-TEST" {
        assert_match "bits:64 *" [r debug structsize]
        assert_equal "Apparently Redis did not crash: test passed" [r debug stringmatch-test]
    } {command:debug}

    test "DEBUG LEAK, MALLCTL and MALLCTL-STR" {
        if {[info_field [r info memory] mem_allocator] eq "libc"} { skip "another allocator" }
        set before [info_field [r info memory] used_memory]
        assert_equal OK [r debug leak [string repeat x 1000000]]
        assert_range [expr {[info_field [r info memory] used_memory] - $before}] 1000000 1400000
        assert {[r debug mallctl stats.allocated] > 1000000}
        set old [r debug mallctl background_thread]
        assert_equal $old [r debug mallctl background_thread [expr {!$old}]]
        assert_equal [expr {!$old}] [r debug mallctl background_thread $old]
        assert {[r debug mallctl opt.narenas] > 0}
        assert_match "5.*" [r debug mallctl-str version]
        assert_equal secondary [r debug mallctl-str arena.0.dss disabled]
        assert_equal disabled [r debug mallctl-str arena.0.dss secondary]
        assert_error "ERR No such file or directory" {r debug mallctl nosuch}
        assert_error "ERR No such file or directory" {r debug mallctl-str nosuch}
        assert_error "ERR Invalid argument" {r debug mallctl-str stats.allocated}
        assert_error "ERR Operation not permitted" {r debug mallctl opt.narenas 4}
        assert_error "ERR value is not an integer or out of range" {r debug mallctl background_thread x}
    } {command:debug}

    test "DEBUG CLIENT-EVICTION tells what clients hold" {
        assert_error "ERR maxmemory-clients is disabled." {r debug client-eviction}
        r config set maxmemory-clients 100mb
        wait_until 1 5 {regexp {tot-mem: +[1-9][0-9]*, clients: [1-9]} [r debug client-eviction]}
        assert_equal 19 [regexp -all {tot-mem:} [r debug client-eviction]]
        assert_match "*\nbucket 4294967296+            : tot-mem:          0, clients: 0\n" [r debug client-eviction]
        r client no-evict on
        wait_until 0 5 {regexp {clients: [1-9]} [r debug client-eviction]}
        r client no-evict off
        r config set maxmemory-clients 0
    } {command:debug}

    test "DEBUG SET-SKIP-CHECKSUM-VALIDATION lets RESTORE take payloads whatever their checksum" {
        r set s v
        set payload [string replace [r dump s] end end x]
        assert_error "ERR DUMP payload version or checksum are wrong" {r restore copy 0 $payload}
        assert_equal OK [r debug set-skip-checksum-validation 1]
        assert_equal OK [r restore copy 0 $payload]
        assert_equal v [r get copy]
        assert_equal OK [r debug set-skip-checksum-validation 0]
        assert_error "ERR DUMP payload version or checksum are wrong" {r restore copy 0 $payload replace}
    } {command:debug}

    test "DEBUG accepts what concerns replicas, files, scripts and clusters" {
        foreach words {
            {replicate foo bar} {aof-flush-sleep 10} {delay-rdb-client-free-second 1} {repl-pause clear}
            {drop-cluster-packet-filter 1} {close-cluster-link-on-packet-drop 1} {set-disable-deny-scripts 1}
            {change-repl-id}
        } {
            assert_equal OK [r debug {*}$words]
        }
        assert_error "ERR Debug option only available for cluster mode enabled setup!" {r debug clusterlink kill all x}
    } {command:debug}

    test "DEBUG PROTOCOL PUSH is answered besides" {
        r hello 3
        assert_equal {server-cpu-usage 42} [r debug protocol push]
        assert_equal "Some real reply following the push reply" [r read]
        assert_equal PONG [r ping]
        r hello 2
    } {command:debug}

    test "DEL of a large value is freed in the background whatever the options say" {
        r config set lazyfree-lazy-user-del no
        r flushall
        r config resetstat
        for {set i 0} {$i < 30000} {incr i} { lappend members $i member:$i }
        r zadd large {*}$members
        set before [info_field [r info memory] lazyfreed_objects]
        assert_equal 1 [r del large]
        wait_until [expr {$before + 1}] 10 {info_field [r info memory] lazyfreed_objects}
        r rpush small a
        r del small
        assert_equal [expr {$before + 1}] [info_field [r info memory] lazyfreed_objects]
    }
}

test "DEBUG ASSERT, SEGFAULT, OOM and PANIC end the server with a report" {
    foreach {word signal report} {
        assert SIGABRT "*=== REDIS BUG REPORT START*ASSERTION FAILED*"
        panic SIGABRT "*=== REDIS BUG REPORT START*DEBUG PANIC*"
        oom SIGABRT "*=== REDIS BUG REPORT START*OUT OF MEMORY*"
        segfault SIGSEGV "*=== REDIS BUG REPORT START*crashed: signal 11*"
    } {
        if {[server_is_slow]} { skip "a sanitizer reports crashes itself" }
        set dir [new_server_dir]
        set port [free_port]
        set server [spawn_server $dir [list --port $port --bind 127.0.0.1 --tls-port 0 --save {} \
            --enable-debug-command yes]]
        assert_equal "" [await_ready $server]
        set c [resp::connect -port $port -tls 0]
        catch {$c debug $word}
        $c close
        assert_equal [list killed $signal] [reap_server $server]
        assert_match $report [server_log $server]
        assert_match "*STACK TRACE*(server_main+*REPORT END*" [server_log $server]
        file delete -force $dir
    }
} {command:debug}

test "A crashed daemon leaves no pidfile; use-exit-on-panic ends without a signal" {
    if {[server_is_slow]} { skip "a sanitizer reports crashes itself" }
    foreach word {segfault panic} {
        set dir [new_server_dir]
        set port [free_port]
        set server [spawn_server $dir [list --port $port --bind 127.0.0.1 --tls-port 0 --save {} --dir $dir \
            --enable-debug-command yes --daemonize yes --pidfile $dir/pid --logfile $dir/file.log]]
        wait_until 1 15 {expr {[file exists $dir/file.log] && [string match *Ready* [read_file $dir/file.log]]}}
        set pid [string trim [read_file $dir/pid]]
        note_pid $pid
        set c [resp::connect -port $port -tls 0]
        catch {$c debug $word}
        $c close
        wait_until 0 10 {process_alive $pid}
        assert_equal 0 [file exists $dir/pid] $word
        reap_server $server
        file delete -force $dir
    }
    set dir [new_server_dir]
    set server [spawn_server $dir [list --port $port --bind 127.0.0.1 --tls-port 0 --save {} \
        --enable-debug-command yes --use-exit-on-panic yes]]
    assert_equal "" [await_ready $server]
    set c [resp::connect -port $port -tls 0]
    catch {$c debug panic}
    $c close
    assert_equal {exit 1} [reap_server $server]
    file delete -force $dir
} {command:debug}

test "The report of a crash, with its backtrace, is in the log file" {
    if {[server_is_slow]} { skip "a sanitizer reports crashes itself" }
    set dir [new_server_dir]
    set port [free_port]
    set server [spawn_server $dir [list --port $port --bind 127.0.0.1 --tls-port 0 --save {} \
        --enable-debug-command yes --logfile $dir/file.log]]
    wait_until 1 15 {expr {[file exists $dir/file.log] && [string match *Ready* [read_file $dir/file.log]]}}
    set c [resp::connect -port $port -tls 0]
    catch {$c debug segfault}
    $c close
    assert_equal {killed SIGSEGV} [reap_server $server]
    assert_match "*REPORT START*STACK TRACE*(server_main+*REPORT END*" [read_file $dir/file.log]
    assert_equal "" [server_log $server]
    file delete -force $dir
} {command:debug}
