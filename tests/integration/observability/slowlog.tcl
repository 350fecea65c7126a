# SLOWLOG: what is logged, what is kept of it, and what is hidden.

start_server {overrides {slowlog-log-slower-than 0 enable-debug-command yes}} {
    test "SLOWLOG keeps commands, newest first, with client and time" {
        r client setname slowtest
        r slowlog reset
        r set k v
        r get k
        set entries [r slowlog get]
        assert_equal {get k} [lindex [lindex $entries 0] 3]
        assert_equal {set k v} [lindex [lindex $entries 1] 3]
        set entry [lindex $entries 0]
        assert_equal 6 [llength $entry]
        assert_equal slowtest [lindex $entry 5]
        assert {abs([lindex $entry 1] - [clock seconds]) < 5}
        assert {[lindex $entry 2] >= 0}
        assert {[lindex $entry 0] > [lindex [lindex $entries 1] 0]}
    }

    test "SLOWLOG GET counts, and its errors" {
        r slowlog reset
        for {set i 0} {$i < 30} {incr i} { r ping }
        assert_equal 10 [llength [r slowlog get]]
        assert_equal 3 [llength [r slowlog get 3]]
        assert {[llength [r slowlog get -1]] > 30}
        assert_error "ERR count should be greater than or equal to -1" {r slowlog get -2}
        assert_error "ERR count should be greater than or equal to -1" {r slowlog get x}
    }

    test "slowlog-max-len bounds it" {
        r config set slowlog-max-len 5
        for {set i 0} {$i < 20} {incr i} { r ping }
        assert_equal 5 [r slowlog len]
        r config set slowlog-max-len 128
    }

    test "Long arguments and long commands are cut" {
        r slowlog reset
        r set k [string repeat a 200]
        set argv [lindex [lindex [r slowlog get 1] 0] 3]
        assert_equal "[string repeat a 128]... (72 more bytes)" [lindex $argv 2]
        r mget {*}[lrepeat 49 k]
        set argv [lindex [lindex [r slowlog get 1] 0] 3]
        assert_equal 32 [llength $argv]
        assert_equal "... (19 more arguments)" [lindex $argv 31]
    }

    test "Secrets are redacted" {
        r slowlog reset
        r config set requirepass topsecret
        assert_equal OK [r auth topsecret]
        assert_equal OK [r auth default topsecret]
        r hello 2 auth default topsecret
        r config set requirepass ""
        assert_equal -1 [string first topsecret [r slowlog get -1]]
        assert_match "*(redacted)*" [r slowlog get -1]
    }

    test "A threshold: only slower commands are kept; a negative one keeps none" {
        r config set slowlog-log-slower-than 200000
        r slowlog reset
        r ping
        r debug sleep 0.25
        assert_equal 1 [r slowlog len]
        assert_match "debug sleep*" [lindex [lindex [r slowlog get] 0] 3]
        r config set slowlog-log-slower-than -1
        r debug sleep 0.25
        assert_equal 1 [r slowlog len]
    }
}
