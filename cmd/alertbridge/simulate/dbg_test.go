package simulate
import ("testing";"os";"strconv";"fmt";"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual")
func TestDbg(t *testing.T){
 n,_:=strconv.ParseUint(os.Getenv("SEED"),10,64)
 if n==0 {t.Skip()}
 w:=Generate(n)
 p,_:=prepare(w)
 fmt.Printf("%+v\n",w.Settings)
 for _,e:=range w.Events { if e.Kind!=Delivery {fmt.Println(Begin.Add(e.At).Format("15:04:05"),e.Kind,e.For,e.Role,e.Op,e.Pause,e.Mode,e.Tag)}}
 dbg = func(c virtual.Committed){
  s:=c.At.Format("15:04:05.000")+" "+string(c.Role)+fmt.Sprint(" ",c.Invocation," alone ",c.Alone," ")
  if d:=c.Change.Delivery;d!=nil{ s+=fmt.Sprint(d.Incident," ",d.Transition," at ",d.Time.Format("15:04:05")," ",d.Verdict," ",d.Reason," ",d.Case, " [",d.Because,"] ")}
  for _,x:=range c.Change.Cases{ s+=fmt.Sprintf(" | %s %s>%s %s%s f%d>%d last %s until %s v%d>%d d%d",x.Now.ID,x.Read.State,x.Now.State,x.Now.Why,x.Now.How,x.Read.Firing,x.Now.Firing,x.Now.Last.Format("15:04:05"),x.Now.Until.Format("15:04:05"),x.Read.Version,x.Now.Version,x.Now.Doubts)}
  for _,x:=range c.Change.Pointers { s+=fmt.Sprintf(" %s:%s>%s",x.Key,x.Read,x.Now)}
  if a:=c.Change.Account;a!=nil{ s+=fmt.Sprintf(" acct %+v",*a)}
  fmt.Println(s)
 }
 defer p.bridge.Close()
 p.play()
 for _,b:=range p.model.Breaches(){fmt.Println(b)}
}
