# INFO: sections, fields that exporters need, and their values.

proc section_names {text} {
    return [regexp -all -inline -line {^# .*?(?=\r?$)} $text]
}

start_server {} {
    test "INFO default has the sections of Redis in their order" {
        set names [section_names [r info]]
        assert_equal {{# Server} {# Clients} {# Memory} {# Persistence}} [lrange $names 0 3]
        foreach name {Stats Replication CPU Modules Errorstats Cluster Keyspace} {
            assert {"# $name" in $names} $name
        }
        assert {"# Commandstats" ni $names}
    }

    test "INFO ends lines with CRLF and separates sections by an empty line" {
        set text [r info]
        assert_equal [regexp -all \n $text] [regexp -all \r\n $text]
        assert_match "*\r\n\r\n# Clients\r\n*" $text
    }

    test "INFO of one section, of several, of none" {
        assert_equal {{# Clients}} [section_names [r info clients]]
        assert_equal {{# CPU}} [section_names [r info CPU]]
        assert_equal {{# CPU} {# Clients}} [lsort [section_names [r info cpu clients]]]
        assert_equal "" [r info nosuchsection]
        assert {"# Commandstats" in [section_names [r info all]]}
        assert {"# Commandstats" in [section_names [r info everything]]}
        assert {"# Server" in [section_names [r info default]]}
        assert_equal {{# Commandstats}} [section_names [r info commandstats]]
    }

    test "Each line of INFO is a comment, empty, or key:value; keys are given once" {
        set seen [dict create]
        foreach line [split [r info everything] \n] {
            set line [string trimright $line \r]
            if {$line eq "" || [string index $line 0] eq "#"} { continue }
            assert_match "?*:*" $line
            set key [string range $line 0 [string first : $line]-1]
            assert {![dict exists $seen $key]} $key
            dict set seen $key 1
        }
        assert {[dict size $seen] > 100}
    }

    test "INFO server" {
        assert_equal [srv pid] [s process_id]
        assert_match "*.*.*" [s redis_version]
        assert_equal standalone [s redis_mode]
        assert_equal 64 [s arch_bits]
        assert_equal 40 [string length [s run_id]]
        assert_match "Linux *" [s os]
        assert {[s tcp_port] == [srv port]}
        assert_range [s uptime_in_seconds] 0 100
        assert_equal 10 [s hz]
        assert_match "*redis-server*" [s executable]
    }

    test "INFO server says what this is" {
        assert_equal sluice [s server_name]
        assert_match "*.*.*" [s sluice_version]
        assert_match "8.*" [s redis_version]
        set kind [expr {$::opt(tls) ? "tls" : "tcp"}]
        assert_match "name=$kind,bind=127.0.0.1,port=[srv port]*" [s listener0]
    } {sluice}

    test "The fields that exporters map are there" {
        set info [r info everything]
        foreach field {
            uptime_in_seconds process_id connected_clients blocked_clients maxclients used_memory
            used_memory_rss used_memory_peak used_memory_overhead used_memory_dataset maxmemory
            mem_fragmentation_ratio allocator_active allocator_allocated allocator_resident loading
            rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time
            rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec
            rdb_last_cow_size aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled
            aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_bgrewrite_status
            aof_last_write_status aof_last_cow_size total_connections_received
            total_commands_processed rejected_connections total_net_input_bytes
            total_net_output_bytes expired_keys evicted_keys keyspace_hits keyspace_misses
            total_error_replies unexpected_error_replies total_reads_processed
            total_writes_processed io_threaded_reads_processed io_threaded_writes_processed
            used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children
            used_cpu_sys_main_thread used_cpu_user_main_thread latest_fork_usec
            repl_backlog_active repl_backlog_size master_repl_offset sync_full sync_partial_ok
            sync_partial_err dump_payload_sanitizations instantaneous_ops_per_sec role
            connected_slaves master_replid cluster_enabled maxmemory_policy os redis_build_id
        } {
            assert {[info_field $info $field] ne "" || $field in {redis_build_id}} $field
        }
    } {redis8}

    test "Loading fields that ready checks read" {
        assert_equal 0 [s loading]
    }

    test "Command and error statistics" {
        r config resetstat
        r set x 1
        r set x 2
        catch {r get}
        catch {r nosuchcommand}
        r get x
        set stats [r info commandstats]
        assert_match "*cmdstat_set:calls=2,usec=*,usec_per_call=*,rejected_calls=0,failed_calls=0*" $stats
        assert_match "*cmdstat_get:calls=1,usec=*,usec_per_call=*,rejected_calls=1,failed_calls=0*" $stats
        assert_equal 2 [s total_error_replies]
        assert_match "*errorstat_ERR:count=2*" [r info errorstats]
        assert_match "*latency_percentiles_usec_set:p50=*,p99=*,p99.9=*" [r info latencystats]
    }

    test "Failed calls are told from rejected ones" {
        r config resetstat
        r set x abc
        catch {r incr x}
        assert_match "*cmdstat_incr:calls=1,*rejected_calls=0,failed_calls=1*" [r info commandstats]
    }

    test "Subcommands have statistics of their own" {
        r config resetstat
        r client id
        assert_match "*cmdstat_client|id:calls=1,*" [r info commandstats]
    }

    test "Commands with subcommands have statistics as well" {
        r config resetstat
        catch {r pubsub}
        catch {r pubsub nosuch}
        catch {r client nosuch}
        r command
        set stats [r info commandstats]
        assert_match "*cmdstat_pubsub:calls=0,*rejected_calls=1,failed_calls=0*" $stats
        assert_match "*cmdstat_command:calls=1,*" $stats
        assert_no_match "*cmdstat_client*" $stats
    }

    test "Connections and bytes are counted" {
        r config resetstat
        set before [s total_net_input_bytes]
        r set big [string repeat x 100000]
        assert {[s total_net_input_bytes] - $before >= 100000}
        set before [s total_net_output_bytes]
        r get big
        assert {[s total_net_output_bytes] - $before >= 100000}
        set before [s total_connections_received]
        set c [redis_client]
        $c ping
        assert_equal [expr {$before + 1}] [s total_connections_received]
        assert_equal 2 [s connected_clients]
        $c close
        wait_until 1 5 {s connected_clients}
    }

    test "The main loop tells how long it worked, and how long of that on commands" {
        r config resetstat
        for {set i 0} {$i < 200} {incr i} { r set key:$i value }
        wait_until 1 5 {expr {[info_field [r info stats] eventloop_duration_sum] > 0}}
        set stats [r info stats]
        assert {[info_field $stats eventloop_duration_cmd_sum] > 0}
        assert {[info_field $stats eventloop_cycles] > 0}
        # What a transaction runs counts once.
        set before [info_field [r info stats] eventloop_duration_cmd_sum]
        r multi
        r debug sleep 0.3
        r exec
        set spent [expr {[info_field [r info stats] eventloop_duration_cmd_sum] - $before}]
        assert_range $spent 300000 599000
        r config resetstat
        assert {[info_field [r info stats] eventloop_duration_cmd_sum] < 300000}
    } {command:debug}

    test "The time over the limit of memory is in the total at once" {
        r config set maxmemory 1
        catch {r set x 1}
        wait_until 1 5 {expr {[info_field [r info stats] current_eviction_exceeded_time] > 0}}
        set stats [r info stats]
        assert {[info_field $stats total_eviction_exceeded_time] >= [info_field $stats current_eviction_exceeded_time]}
        r config set maxmemory 0
    }

    test "Tables that are being moved have their memory in the open" {
        r flushall
        r config set activerehashing no
        set moving 0
        for {set i 0} {$i < 5000 && $moving == 0} {incr i} {
            r set key:$i v
            set moving [s mem_overhead_db_hashtable_rehashing]
        }
        assert {$moving > 0 && $moving % 64 == 0}
        assert_equal $moving [dict get [r memory stats] overhead.db.hashtable.rehashing]
        r config set activerehashing yes
        wait_until 0 5 { s mem_overhead_db_hashtable_rehashing }
    } {sluice}

    test "dump_payload_sanitizations counts payloads that had to be looked through" {
        r flushall
        r set text abc
        r hset packed a 1 b 2
        set before [s dump_payload_sanitizations]
        r restore other 0 [r dump text]
        assert_equal $before [s dump_payload_sanitizations]
        r restore other 0 [r dump packed] replace
        assert_equal [expr {$before + 1}] [s dump_payload_sanitizations]
    } {sluice}

    test "used_memory follows the data" {
        r flushall
        set before [s used_memory]
        r set big [string repeat x 10000000]
        assert {[s used_memory] - $before > 9500000}
        r del big
        wait_until 1 5 { expr {[s used_memory] - $before < 3000000} }
    }
}
