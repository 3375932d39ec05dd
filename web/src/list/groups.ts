/** The list of conversations in its groups: pinned, today, yesterday, this week, older. */
import type { Summary } from '../api/types';

export type GroupName = 'pinned' | 'today' | 'yesterday' | 'week' | 'older';

export interface Group {
	name: GroupName;
	conversations: Summary[];
}

const order: GroupName[] = ['pinned', 'today', 'yesterday', 'week', 'older'];

/** The start of the day `back` days before `now`, in the reader's time zone. */
function dayStart(now: Date, back: number): number {
	return new Date(now.getFullYear(), now.getMonth(), now.getDate() - back).getTime();
}

/** "This week" starts on Monday. */
export function groupOf(summary: Summary, now: Date): GroupName {
	if (summary.pinned) return 'pinned';
	const at = summary.updated_at;
	if (at >= dayStart(now, 0)) return 'today';
	if (at >= dayStart(now, 1)) return 'yesterday';
	return at >= dayStart(now, (now.getDay() + 6) % 7) ? 'week' : 'older';
}

/** Empty groups are left out; within a group the newest comes first. */
export function grouped(summaries: Summary[], now: Date): Group[] {
	const found = new Map<GroupName, Summary[]>();
	for (const summary of summaries) {
		const name = groupOf(summary, now);
		found.set(name, [...(found.get(name) ?? []), summary]);
	}
	return order.flatMap((name) => {
		const conversations = found.get(name);
		if (!conversations) return [];
		return [{ name, conversations: conversations.toSorted((a, b) => b.updated_at - a.updated_at) }];
	});
}
