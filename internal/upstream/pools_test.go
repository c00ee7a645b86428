//go:build unix

package upstream

import (
	"sync"
	"testing"
)

func TestSameEndpointHasTheSamePool(t *testing.T) {
	pools := NewPools(NewDialer(nil))
	plain := func() *Endpoint { return &Endpoint{Address: "up.test:80"} }
	p := pools.Get(plain())
	if pools.Get(plain()) != p {
		t.Error("the same endpoint has two pools")
	}
	for name, e := range map[string]*Endpoint{
		"another address": {Address: "up.test:81"},
		"TLS":             {Address: "up.test:80", ServerName: "up.test", TLS: true},
		"a proxy":         {Address: "up.test:80", Proxy: &Proxy{Protocol: ProxyHTTP, Address: "proxy.test:80"}},
		"a login":         {Address: "up.test:80", Proxy: &Proxy{Protocol: ProxyHTTP, Address: "proxy.test:80", Username: "u", Password: "p"}},
	} {
		if other := pools.Get(e); other == p || other.endpoint != e {
			t.Errorf("%s: shares a pool with another endpoint", name)
		}
	}
}

func TestPoolsOfUnusedEndpointsAreClosed(t *testing.T) {
	pools := NewPools(NewDialer(nil))
	kept := pools.Get(&Endpoint{Address: "kept.test:80"})
	dropped := pools.Get(&Endpoint{Address: "dropped.test:80"})
	keptConn, _ := idlePair(t, kept)
	droppedConn, droppedPeer := idlePair(t, dropped)
	keptConn.Release()
	droppedConn.Release()

	pools.Retain(map[*Pool]bool{kept: true})

	awaitEOF(t, droppedPeer)
	if kept.Idle() != keptConn {
		t.Error("the idle connection of an endpoint in use was lost")
	}
	if pools.Get(&Endpoint{Address: "kept.test:80"}) != kept {
		t.Error("an endpoint in use has a new pool")
	}
	if pools.Get(&Endpoint{Address: "dropped.test:80"}) == dropped {
		t.Error("a closed pool is given away")
	}
}

func TestPoolsAreFoundFromManyGoroutines(t *testing.T) {
	pools := NewPools(NewDialer(nil))
	var found sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				found.Store(pools.Get(&Endpoint{Address: "up.test:80"}), true)
			}
		})
	}
	all.Wait()
	n := 0
	found.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("one endpoint has %d pools", n)
	}
}
