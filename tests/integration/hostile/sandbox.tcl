# Debian's unit of redis-server kills who changes scheduling, limits or users (SystemCallFilter=
# ~@privileged @resources): a server that is put in redis-server's place must live there.

set filter [file join $root tests support kill-callers.pl]
set folder [new_server_dir]
set wrapper [file join $folder redis-server]
write_file $wrapper "#!/bin/sh\nexec perl $filter [server_program] \"\$@\"\n"
file attributes $wrapper -permissions 0755

test "The filter kills" {
    catch {exec perl $filter nice -n 5 true} message options
    assert_match "CHILDKILLED * SIGSYS *" [dict get $options -errorcode]
}

set program_before [server_program]
set ::env(SLUICE_SERVER) $wrapper
start_server {overrides {io-threads 2 io-threads-elastic no server-cpulist 0} tags sluice} {
    test "A server whose filter kills for scheduling leaves scheduling alone" {
        assert {[server_log_contains "*The system call filter would kill who changes scheduling*"]}
        assert {[server_log_contains "*server-cpulist '0' cannot be applied*"]}
    }

    test "It serves requests in company, and changes threads and limits" {
        set clients {}
        for {set i 0} {$i < 16} {incr i} { lappend clients [redis_deferring_client] }
        wait_until 1 30 {
            foreach c $clients { $c write [string repeat [resp::encode {incr counter}] 100] }
            foreach c $clients { for {set k 0} {$k < 100} {incr k} { $c read } }
            s io_placement_taking_turns
        }
        r config set io-threads 3
        r config set maxclients 500
        assert_equal PONG [r ping]
        foreach c $clients { $c close }
    }
}
set ::env(SLUICE_SERVER) $program_before
file delete -force $folder
