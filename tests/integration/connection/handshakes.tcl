# What the widely used clients send when they connect, to the byte and in their order: each command has
# one reply, and a refusal is one that the client can live with. docs/clients.md has the table.

# handshake NAME WRITE ...: each WRITE is a list of commands that go out at once, before any reply is read.
# Answers the replies; a refusal is shown as "!" and its text.
proc handshake {args} {
    set c [redis_deferring_client]
    set replies {}
    foreach commands $args {
        set bytes ""
        foreach command $commands { append bytes [resp::encode $command] }
        $c write $bytes
        foreach command $commands {
            if {[catch {$c read} reply]} { set reply "!$reply" }
            lappend replies $reply
        }
    }
    # Nothing is left over, nothing is missing: the next reply is the next command's.
    $c write [resp::encode {echo the-end}]
    assert_equal the-end [$c read]
    $c close
    return $replies
}

# What has no command yet, or is somebody else's, is refused with a text that clients know.
proc assert_unknown {reply} {
    assert {[regexp {^!ERR (unknown (sub)?command|This instance has cluster support disabled)} $reply] ||
        ![string match !* $reply]} $reply
}

proc assert_hello {version reply} {
    foreach field {server version proto id mode role modules} { assert {[dict exists $reply $field]} "$field in $reply" }
    assert_equal [list redis $version standalone master] [lmap f {server proto mode role} {dict get $reply $f}]
    assert {[regexp {^\d+\.\d+\.\d+$} [dict get $reply version]]}
}

start_server {overrides {requirepass secret}} {
    test "redis-py: HELLO 3 AUTH, maintenance notifications, names, SELECT" {
        lassign [handshake {{HELLO 3 AUTH default secret}} {{CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip}} \
            {{CLIENT SETNAME redis-py}} {{CLIENT SETINFO LIB-NAME redis-py}} {{CLIENT SETINFO LIB-VER 8.0.0}} {{SELECT 1}}] \
            hello maint name lib ver select
        assert_hello 3 $hello
        assert_match "!ERR unknown subcommand*" $maint
        assert_equal {OK OK OK OK} [list $name $lib $ver $select]
    } {redis8}

    test "redis-py of Debian: AUTH, CLIENT SETNAME, SELECT" {
        assert_equal {OK OK OK} [handshake {{AUTH secret}} {{CLIENT SETNAME x}} {{SELECT 1}}]
        assert_equal {OK OK} [handshake {{AUTH default secret}} {{SELECT 15}}]
    }

    test "go-redis: HELLO 3 AUTH SETNAME, and pipelines of names" {
        lassign [handshake {{hello 3 auth default secret setname go}} \
            {{select 2} {readonly} {client setname go}} {{client maint_notifications on moving-endpoint-type none}} \
            {{client setinfo LIB-NAME go-redis(,go1.22)} {client setinfo LIB-VER 9.22.0}}] \
            hello select readonly name maint lib ver
        assert_hello 3 $hello
        assert_equal {OK OK OK OK} [list $select $name $lib $ver]
        assert_unknown $readonly
        assert_match "!ERR unknown subcommand*" $maint
    } {redis8}

    test "jedis: HELLO 3, then four commands whose replies are not looked at" {
        lassign [handshake {{HELLO 3 AUTH default secret}} \
            {{CLIENT SETNAME j} {CLIENT SETINFO LIB-NAME jedis} {CLIENT SETINFO LIB-VER 8.0.0} {READONLY}}] hello a b c readonly
        assert_hello 3 $hello
        assert_equal {OK OK OK} [list $a $b $c]
        assert_unknown $readonly
    } {redis8}

    test "jedis: NOPROTO is the word for another protocol" {
        assert_equal [list OK "!NOPROTO unsupported protocol version"] [handshake {{AUTH secret} {HELLO 9}}]
    }

    test "lettuce: HELLO 3 with id, mode, version, role; SETINFO in lower case" {
        lassign [handshake {{HELLO 3 AUTH default secret SETNAME lettuce}} \
            {{CLIENT SETINFO lib-name Lettuce} {CLIENT SETINFO lib-ver 7.8.0.RELEASE/abc}} {{SELECT 1}} \
            {{CLIENT MAINT_NOTIFICATIONS on moving-endpoint-type external-ip}} {{READONLY}}] hello a b c maint readonly
        assert_hello 3 $hello
        assert_equal {OK OK OK} [list $a $b $c]
        assert_match "!ERR unknown subcommand*" $maint
        assert_unknown $readonly
    } {redis8}

    test "ioredis: all in one write, then INFO for its ready check" {
        lassign [handshake {{HELLO 3 AUTH default secret} {SELECT 2} {CLIENT SETNAME io} {READONLY}
            {CLIENT SETINFO LIB-VER 6.0.0} {CLIENT SETINFO LIB-NAME ioredis}} {{info}}] hello a b readonly c d info
        assert_hello 3 $hello
        assert_equal {OK OK OK OK} [list $a $b $c $d]
        assert_unknown $readonly
        assert_match "*\r\nloading:0\r\n*" $info
    } {redis8}

    test "node-redis: HELLO 3, tracking" {
        lassign [handshake {{HELLO 3 AUTH default secret SETNAME node} {SELECT 1}
            {CLIENT SETINFO LIB-NAME node-redis} {CLIENT SETINFO LIB-VER 6.2.0} {CLIENT TRACKING ON}
            {CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-fqdn}}] hello a b c d maint
        assert_hello 3 $hello
        assert_equal {OK OK OK OK} [list $a $b $c $d]
        assert_match "!ERR unknown subcommand*" $maint
    } {redis8}

    test "StackExchange.Redis: one batch of everything" {
        set guid [string map {" " ""} "\x01\xff\x00 0123456789abc"]
        set replies [handshake [list {AUTH secret} {HELLO 3} {CLIENT SETNAME box} \
            {CLIENT SETINFO lib-name SE.Redis} {CLIENT SETINFO lib-ver 2.9.1} {CLIENT ID} {CONFIG GET timeout} \
            {CONFIG GET replica-read-only} {CONFIG GET databases} {SENTINEL MASTERS} {INFO replication} {INFO server} \
            {CLUSTER NODES} {GET __Booksleeve_TieBreak} [list ECHO $guid]]]
        lassign $replies auth hello name lib ver id timeout readonly databases sentinel replication server nodes tie echo
        assert_equal {OK OK OK OK} [list $auth $name $lib $ver]
        assert_hello 3 $hello
        assert {[string is integer -strict $id] && $id > 0}
        assert_equal {timeout 0 replica-read-only yes databases 16} [concat $timeout $readonly $databases]
        assert_unknown $sentinel
        assert_unknown $nodes
        assert_match "*role:master\r\n*" $replication
        assert_match "*redis_version:*redis_mode:standalone\r\n*" $server
        assert_equal {} $tie
        assert_equal $guid $echo
        set c [redis_client]
        $c auth secret
        assert_equal {subscribe __Booksleeve_MasterChanged 1} [$c subscribe __Booksleeve_MasterChanged]
        $c close
    } {redis8}

    test "redis-rs: AUTH, SELECT, tracking and names, in RESP2 and RESP3" {
        assert_equal {OK OK OK OK} [handshake {{AUTH default secret} {SELECT 3}
            {CLIENT SETINFO LIB-NAME redis-rs} {CLIENT SETINFO LIB-VER 1.6.0}}]
        set replies [handshake {{HELLO 3 AUTH default secret} {CLIENT TRACKING ON} {CLIENT SETINFO LIB-NAME redis-rs}}]
        assert_hello 3 [lindex $replies 0]
        assert_equal {OK OK} [lrange $replies 1 end]
    } {redis8}

    test "A server with a password, a client without one" {
        set c [redis_client]
        foreach command {{HELLO 3} {CLIENT SETNAME x} {SELECT 1} {CLIENT SETINFO LIB-NAME x} {PING}} {
            assert_error "NOAUTH *" {$c {*}$command}
        }
        $c close
    }

    test "redis#15640: AUTH and HELLO AUTH that fail, at each place of a batch" {
        foreach failing {{AUTH wrong} {AUTH nobody wrong} {HELLO 3 AUTH default wrong} {HELLO 2 AUTH default wrong SETNAME x}} {
            for {set at 0} {$at < 5} {incr at} {
                set batch [linsert {{AUTH secret} {SELECT 1} {CLIENT ID} {ECHO x}} $at $failing]
                set replies [handshake $batch]
                assert_equal 5 [llength $replies]
                assert_match "!WRONGPASS *" [lindex $replies $at]
            }
        }
    }

    test "HAProxy's redis-check" {
        set c [redis_client]
        $c auth secret
        $c write "*1\r\n\$4\r\nPING\r\n"
        assert_equal "+PONG\r\n" [$c raw]
        $c close
    }

    test "Clients of clusters: a refusal that tells them this is none" {
        set c [redis_client]
        $c auth secret
        foreach command {{CLUSTER SLOTS} {CLUSTER SHARDS} {CLUSTER INFO} {CLUSTER NODES} {READONLY}} {
            assert_error "ERR *" {$c {*}$command}
        }
        assert_match "*cluster_enabled:0\r\n*" [$c info cluster]
        assert {[llength [$c command]] > 200}
        $c close
    }
}

start_server {overrides {slowlog-log-slower-than -1}} {
    test "The same handshakes without a password" {
        foreach batch {{{HELLO 3} {CLIENT SETNAME x} {SELECT 1}} {{HELLO 3 SETNAME x} {SELECT 1} {CLIENT TRACKING ON}}
            {{HELLO 3 AUTH default anything} {SELECT 1}}} {
            set replies [handshake $batch]
            assert_hello 3 [lindex $replies 0]
            foreach reply [lrange $replies 1 end] { assert_equal OK $reply }
        }
        assert_match "!ERR AUTH <password> called without any password configured for the default user.*" \
            [lindex [handshake {{AUTH anything}}] 0]
    } {redis8}

    test "redis_exporter: what a scrape asks" {
        set replies [handshake {{CLIENT SETNAME redis_exporter} {INFO ALL} {CONFIG GET *} {LATENCY LATEST}
            {LATENCY HISTOGRAM} {SLOWLOG LEN} {SLOWLOG GET 1} {COMMAND INFO COMMANDLOG} {CONFIG GET commandlog-*}
            {CLIENT LIST} {SELECT 0} {SCAN 0 COUNT 100} {INFO MODULES} {DBSIZE} {CLUSTER INFO}}]
        lassign $replies name info config latest histogram len slow commandlog commandlog_config list select scan
        assert_equal {OK 0 {} {} {} {0 {}}} [list $name $len $slow [string trim $commandlog "{}"] $commandlog_config $scan]
        foreach section {Server Clients Memory Persistence Stats Replication CPU Commandstats Latencystats Keyspace} {
            assert {[regexp "(^|\r\n)# $section\r\n" $info] || $section eq "Keyspace"} $section
        }
        foreach line [split [string map {\r\n \n} $info] \n] {
            assert {$line eq "" || [regexp {^# \w+$} $line] || [regexp {^[^:]+:.*$} $line]} $line
        }
        foreach line [split [string trim $list] \n] {
            assert {[regexp {^id=\d+ addr=\S+} $line]} $line
            foreach token [split $line " "] { assert_equal 1 [regexp -all = $token] $token }
        }
        foreach {name pattern} {databases ^\\d+$ io-threads ^\\d+$ maxclients ^\\d+$ maxmemory ^\\d+$ repl-backlog-size ^\\d+$
            client-output-buffer-limit {^normal \d+ \d+ \d+ slave \d+ \d+ \d+ pubsub \d+ \d+ \d+$} dir ^/ dbfilename .rdb$} {
            assert {[regexp $pattern [dict get $config $name]]} $name
        }
    } {redis8}

    test "redis_exporter: fields of INFO by position" {
        r set k v ex 100
        catch {r nosuch}
        set info [r info all]
        assert {[regexp -line {^db0:keys=1,expires=1,avg_ttl=\d+} $info]}
        assert {[regexp -line {^cmdstat_set:calls=\d+,usec=\d+,usec_per_call=[\d.]+,rejected_calls=\d+,failed_calls=\d+\r?$} $info]}
        assert {[regexp -line {^latency_percentiles_usec_set:p50=[\d.]+,p99=[\d.]+,p99.9=[\d.]+\r?$} $info]}
        assert {[regexp -line {^errorstat_ERR:count=\d+\r?$} $info]}
        r flushall
    }

    test "redis_exporter: the fields of clients, loops and refusals" {
        foreach field {tcp_port run_id eventloop_cycles eventloop_duration_sum instantaneous_eventloop_cycles_per_sec
            instantaneous_eventloop_duration_usec client_query_buffer_limit_disconnections
            client_output_buffer_limit_disconnections acl_access_denied_auth acl_access_denied_cmd
            acl_access_denied_key acl_access_denied_channel io_threads_active used_active_time_main_thread
            expired_stale_perc evicted_clients tracking_clients total_blocking_keys} {
            assert_not_equal "" [s $field]
        }
        assert_equal [srv port] [s tcp_port]
    } {sluice}

    test "redis_exporter: the time of each I/O thread" {
        set found [regexp -all -inline {used_active_time_io_thread_(\d+):\d+\.\d{6}\r\n} [r info cpu]]
        assert_equal [dict get [r config get io-threads] io-threads] [expr {[llength $found] / 2}]
        assert_equal 1 [lindex $found 1]
    } {sluice threads}

    test "RedisInsight: modules are asked for three times" {
        set replies [handshake {{INFO} {MODULE LIST} {COMMAND INFO FT.SEARCH JSON.GET TS.ADD} {HELLO 3} {CONFIG GET databases}
            {CLIENT LIST} {DBSIZE} {CLUSTER INFO} {SLOWLOG GET 10} {MEMORY USAGE nosuch} {TTL nosuch} {TYPE nosuch}}]
        assert_unknown [lindex $replies 1]
        assert_equal {{} {} {}} [lindex $replies 2]
        assert_hello 3 [lindex $replies 3]
        assert_equal {databases 16} [lindex $replies 4]
        assert_equal {{} -2 none} [lrange $replies end-2 end]
    } {redis8}

    test "Probes of charts: PING is PONG to the byte" {
        set c [redis_client]
        $c write "PING\r\n"
        assert_equal "+PONG\r\n" [$c raw]
        $c close
    }
}
