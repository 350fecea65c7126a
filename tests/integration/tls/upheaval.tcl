# Reloads, ticket rotations, changes of io-threads and a storm of handshakes, all at once, while 200
# clients verify every reply. `make soak` runs the same for longer.

file_needs built_tls

foreach elastic {yes no} {
    start_server [list overrides [list port 0 tls-port [free_port] io-threads 4 io-threads-elastic $elastic] tags sluice] {
        test "200 clients verify every reply through everything at once (io-threads-elastic $elastic)" {
            set live [file join [srv dir] live]
            foreach kind {crt key} { file copy [certificate server.$kind] $live.$kind }
            set arguments [list --port [srv tls_port] --ca [certificate ca.crt] \
                --cert [certificate client.crt] --key [certificate client.key] --live $live.crt:$live.key]
            foreach name {server server2} {
                lappend arguments --pair [certificate $name.crt]:[certificate $name.key]
            }
            set status [catch {exec timeout 60 python3 tests/clients/tls_upheaval.py --seconds 4 {*}$arguments 2>@1} output]
            assert_equal 0 $status $output
            assert_match "200 clients verified * replies, none wrong or lost*" $output
            assert_equal PONG [r ping]
        }
    }
}
