package agent

import "github.com/alertbridge/alertbridge/shared/plain"

// readPlain reads an event as EventBridge writes those of the Agent, in one pass. Of one that has anything else in it, or
// in another form, it tells false: encoding/json knows all forms.
func readPlain(body []byte) (w wireEvent, d wireDetail, ok bool) {
	r := plain.Read(string(body))
	detailed := false
	r.Object(func(name string) {
		switch name {
		case "id":
			w.ID = r.String()
		case "source":
			w.Source = r.String()
		case "detail-type":
			w.DetailType = r.String()
		case "time":
			w.Time = r.String()
		case "detail":
			if detailed { // the last one counts whole, and not what both say
				r.Fail()
			}
			detailed = true
			d.readPlain(r)
		case "version", "account", "region":
			_ = r.String()
		case "resources":
			r.List(func() { _ = r.String() })
		default:
			r.Fail()
		}
	})
	return w, d, r.OK() && detailed
}

func (d *wireDetail) readPlain(r *plain.Reader) {
	r.Object(func(name string) {
		switch name {
		case "version":
			d.Version = r.String()
		case "metadata":
			r.Object(func(name string) {
				switch name {
				case "agent_space_id":
					d.Metadata.Space = r.String()
				case "task_id":
					d.Metadata.Task = r.String()
				case "execution_id":
					d.Metadata.Execution = r.String()
				default:
					r.Fail()
				}
			})
		case "data":
			r.Object(func(name string) {
				switch name {
				case "status":
					d.Data.Status = r.String()
				case "created_at":
					d.Data.Created.Time = readTime(r.String())
				case "updated_at":
					d.Data.Updated.Time = readTime(r.String())
				case "summary_record_id":
					d.Data.Summary = r.String()
				case "task_type", "priority":
					_ = r.String()
				default:
					r.Fail()
				}
			})
		default:
			r.Fail()
		}
	})
}
