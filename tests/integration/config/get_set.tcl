# CONFIG GET, SET and RESETSTAT.

start_server {} {
    test "CONFIG GET of one name, of a pattern, of several" {
        assert_equal {databases 16} [r config get databases]
        assert_equal {DATABASES 16} [r config get DATABASES]
        assert_equal {} [r config get nosuchdirective]
        set got [r config get maxmemory*]
        assert {[dict exists $got maxmemory] && [dict exists $got maxmemory-policy]}
        set got [r config get databases port time*]
        assert {[dict exists $got databases] && [dict exists $got timeout]}
    }

    test "CONFIG GET * has what exporters and clients look at" {
        set all [r config get *]
        foreach name {databases io-threads maxclients maxmemory maxmemory-policy repl-backlog-size
            client-output-buffer-limit dir dbfilename timeout replica-read-only save appendonly
            appendfsync tls-port port bind unixsocket requirepass loglevel logfile hz tcp-keepalive
            slowlog-log-slower-than latency-monitor-threshold notify-keyspace-events
            proto-max-bulk-len client-query-buffer-limit lazyfree-lazy-user-del activerehashing
            hash-max-listpack-entries set-max-intset-entries zset-max-listpack-entries} {
            assert {[dict exists $all $name]} $name
        }
        assert {[string is integer -strict [dict get $all databases]]}
        assert_match "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60" \
            [dict get $all client-output-buffer-limit]
        assert_equal [llength [dict keys $all]] [expr {[llength $all] / 2}] "names are given once"
    }

    test "CONFIG SET and what GET says after it" {
        foreach {name value want} {
            timeout 5 5
            maxmemory 10mb 10485760
            maxmemory 1gb 1073741824
            maxmemory 1g 1000000000
            maxmemory 100k 100000
            maxmemory 0 0
            maxmemory-policy allkeys-lru allkeys-lru
            maxmemory-policy noeviction noeviction
            appendfsync always always
            appendfsync everysec everysec
            tcp-keepalive 100 100
            loglevel debug debug
            loglevel verbose verbose
            lazyfree-lazy-user-del yes yes
            lazyfree-lazy-user-del no no
            slowlog-log-slower-than 5000 5000
            slowlog-max-len 10 10
            hz 20 20
            save "100 20 10 5" "100 20 10 5"
            save "" ""
            notify-keyspace-events KEA AKE
            notify-keyspace-events "" ""
            client-output-buffer-limit "normal 1 2 3" "normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
            client-output-buffer-limit "normal 0 0 0" "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
        } {
            assert_equal OK [r config set $name $value] "$name $value"
            assert_equal [list $name $want] [r config get $name]
        }
        r config set timeout 0
    }

    test "CONFIG SET of several at once is all or nothing" {
        assert_equal OK [r config set timeout 7 maxmemory-policy allkeys-lru]
        assert_error "ERR CONFIG SET failed (possibly related to argument 'hz') - *" {
            r config set timeout 9 hz notanumber
        }
        assert_equal {timeout 7} [r config get timeout]
        r config set timeout 0 maxmemory-policy noeviction
    }

    test "CONFIG SET errors" {
        assert_error "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'" {r config set nosuch 1}
        assert_error "ERR wrong number of arguments for 'config|set' command" {r config set timeout}
        assert_error "ERR syntax error" {r config set timeout 1 hz} 
        assert_error "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: *" {
            r config set maxmemory-policy nosuch
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'appendonly') - argument must be 'yes' or 'no'" {
            r config set appendonly maybe
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer" {
            r config set timeout abc
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive" {
            r config set timeout -1
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config" {
            r config set databases 5
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter" {
            r config set timeout 1 timeout 2
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory or percent value" {
            r config set maxmemory 10x
        }
    } {}

    test "CONFIG SET port moves the listener" {
        if {!$::opt(tls)} {
            set old [srv port]
            set new [free_port]
            set before [redis_client]
            assert_equal OK [r config set port $new]
            set c [resp::connect -port $new]
            assert_equal PONG [$c ping]
            $c close
            assert_equal PONG [$before ping]
            assert_equal 1 [catch {close [socket 127.0.0.1 $old]}]
            assert_equal OK [r config set port $old]
            set c [redis_client]
            assert_equal PONG [$c ping]
            $c close
            $before close
        }
    }

    test "CONFIG SET port to a taken port changes nothing" {
        set taken [socket -server none -myaddr 127.0.0.1 0]
        set port [lindex [fconfigure $taken -sockname] 2]
        set old [r config get port]
        assert_error "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port*" {
            r config set port $port
        }
        assert_equal $old [r config get port]
        close $taken
        assert_equal PONG [[redis_client] ping]
    }

    test "CONFIG SET bind" {
        assert_equal OK [r config set bind 127.0.0.1]
        assert_equal PONG [[redis_client] ping]
        assert_error "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.*" {
            r config set bind 999.999.999.999
        }
        assert_equal PONG [[redis_client] ping]
    }

    test "CONFIG SET bind to addresses that overlap, and back" {
        foreach bind {* "127.0.0.1 127.0.0.2" * 127.0.0.1} {
            assert_equal OK [r config set bind $bind]
            set c [redis_client]
            assert_equal PONG [$c ping]
            $c close
            # One of them fails: all is as before.
            assert_error "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.*" {
                r config set bind "127.0.0.3 999.999.999.999"
            }
            assert_error "ERR CONFIG SET failed*" {r config set bind "127.0.0.1 1.2.3.4"}
            assert_equal $bind [lindex [r config get bind] 1]
            set c [redis_client]
            assert_equal PONG [$c ping]
            $c close
        }
        # Whoever else wants the port is refused still.
        set port [lindex [r config get [expr {[srv tls] ? "tls-port" : "port"}]] 1]
        foreach address {127.0.0.1 0.0.0.0} {
            assert [catch {socket -server none -myaddr $address $port}]
        }
        assert_error "ERR CONFIG SET failed*" {r config set port $port tls-port $port}
        assert_error "ERR CONFIG SET failed*" {r config set port $port tls-port $port bind *}
        assert_equal PONG [[redis_client] ping]
    }

    test "Passwords are not shown to CONFIG GET of others only" {
        r config set requirepass secret
        assert_equal {requirepass secret} [r config get requirepass]
        r config set requirepass ""
    }

    test "CONFIG RESETSTAT" {
        r get x
        catch {r nosuchcommand}
        assert {[s total_commands_processed] > 0}
        assert_equal OK [r config resetstat]
        assert {[s total_commands_processed] <= 2}
        assert_equal 0 [s keyspace_misses]
        assert_equal 0 [s total_error_replies]
    }

    test "CONFIG HELP" {
        assert_match "CONFIG <subcommand> *" [lindex [r config help] 0]
    }
}

start_server {overrides {enable-protected-configs no enable-debug-command no}} {
    test "Protected configuration cannot be set by default" {
        assert_error "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config" {
            r config set dir /
        }
        assert_error "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config" {
            r config set dbfilename x.rdb
        }
    }

    test "DEBUG is refused by default" {
        assert_error "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server." {
            r debug sleep 0
        }
    } {command:debug}
}

start_server {overrides {enable-protected-configs local}} {
    test "enable-protected-configs local allows local connections" {
        assert_equal OK [r config set dir [srv dir]]
        assert_error "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory" {
            r config set dir /nosuchfolder
        }
        assert_equal [list dir [srv dir]] [r config get dir]
        assert_error "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - dbfilename can't be a path, just a filename" {
            r config set dbfilename a/b
        }
    }
}
